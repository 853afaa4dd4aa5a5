"""Where keys come from: OIDC discovery, or a file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from task_api.errors import ConfigurationError

if TYPE_CHECKING:
    import httpx

Fetch: TypeAlias = Callable[[], Awaitable[KeySet]]
_TIMEOUT_SECONDS = 5
_MOST_BYTES = 1_000_000


class KeysUnreadable(Exception):
    """The source answered nonsense, or not at all."""


class _Discovery(msgspec.Struct):
    issuer: str
    jwks_uri: str


class _KeyDocument(msgspec.Struct):
    keys: list[dict[str, Any]]


def from_issuer(issuer: str) -> Fetch:
    """Follow the issuer's discovery document (OpenID Connect Discovery 1.0, section 4)."""
    url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"

    async def fetch() -> KeySet:
        async with await asyncio.to_thread(_client) as client:
            found = _decoded(await _get(client, url), _Discovery, url)
            if found.issuer != issuer:
                raise KeysUnreadable(f"{url} belongs to the issuer {found.issuer!r}")
            return parse_keys(await _get(client, found.jwks_uri), found.jwks_uri)

    return fetch


def from_file(path: Path) -> Fetch:
    """Read the file again at each refresh: a mounted Secret is replaced, not restarted.

    Raises:
        ConfigurationError: at once, where the file is no key set now.
    """

    async def fetch() -> KeySet:
        try:
            return parse_keys(await asyncio.to_thread(path.read_bytes), str(path))
        except OSError as error:
            raise KeysUnreadable(f"{path}: {error.strerror}") from None

    try:
        parse_keys(path.read_bytes(), str(path))
    except (OSError, KeysUnreadable) as error:
        raise ConfigurationError(f"OIDC_JWKS_FILE: {error}") from None
    return fetch


def parse_keys(document: bytes, source: str) -> KeySet:
    """Keep what can verify RS256 or ES256; other keys, symmetric ones above all, are left out."""
    found = _decoded(document, _KeyDocument, source)
    keys: list[RSAKey | ECKey] = []
    try:
        for jwk in found.keys:
            if jwk.get("use", "sig") != "sig":
                continue
            if jwk.get("kty") == "RSA":
                keys.append(RSAKey.import_key(jwk))
            elif jwk.get("kty") == "EC" and jwk.get("crv") == "P-256":
                keys.append(ECKey.import_key(jwk))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise KeysUnreadable(f"{source}: a key cannot be read: {type(error).__name__}") from None
    if not keys:
        raise KeysUnreadable(f"{source} holds no RSA or P-256 key for signatures")
    return KeySet(list(keys))


def _client() -> httpx.AsyncClient:
    """Off the loop: importing httpx takes 100 ms, and reading the CA bundle 30 for each client (measured)."""
    import httpx  # noqa: PLC0415  see above

    return httpx.AsyncClient(timeout=_TIMEOUT_SECONDS)


async def _get(client: httpx.AsyncClient, url: str) -> bytes:
    import httpx  # noqa: PLC0415  imported already, by _client

    try:
        answer = await client.get(url)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise KeysUnreadable(f"{url}: {str(error) or type(error).__name__}") from None
    if answer.status_code != 200 or len(answer.content) > _MOST_BYTES:
        raise KeysUnreadable(f"{url} answered {answer.status_code}, {len(answer.content)} bytes")
    return answer.content


def _decoded(document: bytes, kind: type[Any], source: str) -> Any:
    try:
        return msgspec.json.decode(document, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise KeysUnreadable(f"{source}: {error}") from None
