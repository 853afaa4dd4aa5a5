"""How long keys are kept, and how often they are asked for; the clock is the test's."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from joserfc.jwk import KeySet

from task_api.auth.discovery import KeysUnreadable, from_file, parse_keys
from task_api.auth.keys import Keys
from task_api.errors import ConfigurationError, IssuerUnavailable

from .tokens import Signer


class Issuer:
    def __init__(self, *signers: Signer) -> None:
        self.signers = list(signers)
        self.up = True
        self.asked = 0
        self.now = 0.0

    async def fetch(self) -> KeySet:
        self.asked += 1
        await asyncio.sleep(0)
        if not self.up:
            raise KeysUnreadable("down")
        (first, *_) = self.signers
        keys = [key for signer in self.signers for key in parse_keys(signer.jwks(), "test").keys]
        assert first is self.signers[0]
        return KeySet(keys)

    def keys(self) -> Keys:
        return Keys(self.fetch, refresh=600, max_age=3600, cooldown=10, clock=lambda: self.now)


@pytest.fixture(scope="module")
def old() -> Signer:
    return Signer("old")


@pytest.fixture(scope="module")
def new() -> Signer:
    return Signer("new")


async def test_keys_are_asked_for_once_for_everybody(old: Signer) -> None:
    issuer = Issuer(old)
    keys = issuer.keys()
    found = await asyncio.gather(*(keys.with_kid("old") for _ in range(10)))
    assert issuer.asked == 1
    assert all(each is found[0] for each in found)


async def test_without_any_key_the_issuer_is_said_to_be_away(old: Signer) -> None:
    issuer = Issuer(old)
    issuer.up = False
    keys = issuer.keys()
    for _ in range(5):
        with pytest.raises(IssuerUnavailable):
            await keys.current()
    assert issuer.asked == 1
    issuer.up, issuer.now = True, 1.0
    assert await keys.current()


async def test_old_keys_work_on_while_new_ones_are_fetched_in_the_background(
    old: Signer, new: Signer
) -> None:
    issuer = Issuer(old)
    keys = issuer.keys()
    before = await keys.current()
    issuer.signers, issuer.now = [new], 600
    assert await keys.current() is before
    await keys.close()
    issuer.now = 610
    await keys.current()
    for _ in range(10):  # the refresh runs beside us
        await asyncio.sleep(0)
    assert (await keys.current()).get_by_kid("new").kid == "new"
    assert keys.generation == 2


async def test_keys_are_used_for_a_bounded_time_while_the_issuer_is_down(old: Signer) -> None:
    issuer = Issuer(old)
    keys = issuer.keys()
    await keys.current()
    issuer.up = False
    for issuer.now in (600, 1800, 3599):
        assert await keys.current()
        await asyncio.sleep(0)
    issuer.now = 3600
    with pytest.raises(IssuerUnavailable):
        await keys.current()
    issuer.up, issuer.now = True, 3601
    assert await keys.current()


async def test_an_unknown_key_is_asked_for_but_not_by_every_forger(old: Signer, new: Signer) -> None:
    issuer = Issuer(old)
    keys = issuer.keys()
    await keys.current()
    for _ in range(20):
        await keys.with_kid("forged")
    assert issuer.asked == 1, "the keys are younger than the cooldown"
    issuer.signers.append(new)
    issuer.now = 10
    assert (await keys.with_kid("new")).get_by_kid("new").kid == "new"
    assert issuer.asked == 2


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": []}',
        b'{"keys": [1]}',
        b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}',
        b'{"keys": [{"kty": "RSA"}]}',
        b'{"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]}',
        b'{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_is_no_key_set_is_refused(document: bytes) -> None:
    with pytest.raises(KeysUnreadable):
        parse_keys(document, "test")


async def test_a_key_file_is_checked_at_once_and_read_again_later(
    tmp_path: Path, old: Signer, new: Signer
) -> None:
    path = tmp_path / "jwks.json"
    with pytest.raises(ConfigurationError, match=r"^OIDC_JWKS_FILE: "):
        from_file(path)
    fetch = from_file(old.write_jwks(path))
    assert (await fetch()).get_by_kid("old").kid == "old"
    new.write_jwks(path)
    assert (await fetch()).get_by_kid("new").kid == "new"
    path.unlink()
    with pytest.raises(KeysUnreadable, match=r"No such file"):
        await fetch()
