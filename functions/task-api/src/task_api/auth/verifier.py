"""From a bearer token to a user id."""

from __future__ import annotations

import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import ExpiredTokenError, JoseError

from task_api.auth.keys import Keys
from task_api.errors import Unauthorized

# An allow-list: `none` and HMAC, with which a public key would become a secret, are not on it.
ALGORITHMS = ("RS256", "ES256")
_MOST_TOKEN_BYTES = 16_384
_MOST_REMEMBERED = 10_000
# OpenID Connect Core: at most 255 ASCII characters. It becomes a header of the event.
_SUBJECT = re.compile(r"[\x21-\x7e]{1,255}")


class Verifier:
    """Remembers tokens it has verified: checking a signature takes as long as the rest of a read."""

    def __init__(
        self, keys: Keys, *, issuer: str, audience: str, skew: int, now: Callable[[], float] = time.time
    ) -> None:
        self._keys = keys
        self._now = now
        self._skew = skew
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(now()),
            leeway=skew,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        # By digest, so that a memory dump holds no usable token; the oldest goes first.
        self._remembered: OrderedDict[bytes, tuple[str, float]] = OrderedDict()
        self._generation = 0

    async def user_id(self, token: str) -> str:
        """Raise Unauthorized, or IssuerUnavailable where no key is there to tell."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._remembered.get(digest)
        if (
            known
            and known[1] > self._now()
            and self._keys.generation == self._generation
            and self._keys.usable
        ):
            return known[0]
        claims = await self._verified(token)
        subject = claims["sub"]
        self._remember(digest, subject, claims["exp"] + self._skew)
        return str(subject)

    async def _verified(self, token: str) -> dict[str, Any]:
        if len(token) > _MOST_TOKEN_BYTES:
            raise Unauthorized("The token is too long.")
        try:
            kid = jws.extract_compact(token.encode()).headers().get("kid")
            keys = await self._keys.with_kid(kid)
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            self._claims.validate(claims)
        except ExpiredTokenError:
            raise Unauthorized("The token has expired.") from None
        except (JoseError, ValueError, TypeError, RecursionError):
            # Which check failed helps nobody but an attacker; the claims are the issuer's business.
            raise Unauthorized("The token is not valid here.") from None
        if not _SUBJECT.fullmatch(claims["sub"]):
            raise Unauthorized("The token's sub is not 1 to 255 printable ASCII characters.")
        return claims

    def _remember(self, digest: bytes, subject: str, until: float) -> None:
        if self._keys.generation != self._generation:
            self._remembered.clear()
            self._generation = self._keys.generation
        self._remembered[digest] = (subject, until)
        if len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)
