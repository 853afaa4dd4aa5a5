"""The signing key: made once and kept, so that tokens survive a restart of the issuer."""

from __future__ import annotations

import json
import os
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from dev_issuer.errors import BadKeyFile

_FILE = "signing-key.json"


def load_or_create(folder: Path) -> RSAKey:
    """The folder's private key; a folder without one gets one, readable by its owner only."""
    path = folder / _FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _create(path)
        return _load(path)
    except OSError as error:
        raise BadKeyFile(f"The signing key {path} cannot be used: {error.strerror}.") from error


def public_jwk(key: RSAKey) -> dict[str, object]:
    """What the world may see of the key; its `kid` is the thumbprint, so another key has another name."""
    return {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig", "alg": "RS256"}


def _load(path: Path) -> RSAKey:
    try:
        key = RSAKey.import_key(json.loads(path.read_bytes()))
    except (ValueError, TypeError, KeyError, JoseError) as error:
        raise BadKeyFile(f"The signing key {path} is damaged: delete it to get a new one.") from error
    if not key.is_private:
        raise BadKeyFile(f"The signing key {path} has no private part: delete it to get a new one.")
    return key


def _create(path: Path) -> None:
    # Created 0600 and moved into place: no moment shows half a key, or a whole one to others.
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    key = RSAKey.generate_key(2048)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(key.as_dict(private=True), file)
    draft.replace(path)
