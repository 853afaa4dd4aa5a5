"""Tokens as an issuer makes them, and as an attacker would like to."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

ISSUER = "http://issuer.invalid"


class Signer:
    """A key, and tokens signed with it."""

    def __init__(self, kid: str = "first") -> None:
        self._kid = kid
        self._key = RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})

    def jwks(self) -> bytes:
        return json.dumps(KeySet([self._key]).as_dict(private=False)).encode()

    def write_jwks(self, path: Path) -> Path:
        path.write_bytes(self.jwks())
        return path

    def public_pem(self) -> bytes:
        return self._key.as_pem(private=False)

    def token(self, sub: str, /, *, alg: str = "RS256", **claims: object) -> str:
        header = {"alg": alg, "kid": self._kid}
        return jwt.encode(header, claims_for(sub, **claims), self._key, algorithms=[alg])

    def unsigned(self, sub: str) -> str:
        return _compact({"alg": "none", "kid": self._kid}, claims_for(sub), lambda _: b"")

    def signed_with_public_key(self, sub: str) -> str:
        """HS256 with what everybody may know as the secret."""
        secret = self.public_pem()
        header = {"alg": "HS256", "kid": self._kid}
        return _compact(header, claims_for(sub), lambda text: hmac.new(secret, text, hashlib.sha256).digest())


def claims_for(sub: str, /, **claims: object) -> dict[str, Any]:
    """Valid ones, some replaced; None leaves a claim out."""
    now = int(time.time())
    merged = {"iss": ISSUER, "aud": "task-api", "sub": sub, "iat": now, "exp": now + 600} | claims
    return {name: value for name, value in merged.items() if value is not None}


def _compact(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    text = b".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
    return (text + b"." + _base64(sign(text))).decode()


def _base64(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")
