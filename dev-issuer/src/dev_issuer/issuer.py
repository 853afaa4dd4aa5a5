"""What the issuer says about itself, and the tokens it signs."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from joserfc import jwt
from joserfc.jwk import RSAKey

from dev_issuer.grants import Grant
from dev_issuer.keys import public_jwk

LIFETIME_SECONDS = 3600


@dataclass(frozen=True)
class Issuer:
    """Everybody gets the token asked for: nothing here may stand in front of real data."""

    url: str
    audience: str
    key: RSAKey

    def discovery(self) -> dict[str, object]:
        """OpenID Connect discovery; there is no authorization endpoint, so none is claimed."""
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks.json",
            "token_endpoint": f"{self.url}/token",
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["none"],
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "roles", "scope"],
        }

    def jwks(self) -> dict[str, object]:
        return {"keys": [public_jwk(self.key)]}

    def token(self, grant: Grant) -> dict[str, object]:
        """The answer of the token endpoint; `scope` is granted as asked."""
        scope = {"scope": grant.scope} if grant.scope else {}
        return {
            "access_token": self._sign(grant, scope),
            "token_type": "Bearer",
            "expires_in": LIFETIME_SECONDS,
            **scope,
        }

    def _sign(self, grant: Grant, scope: dict[str, str]) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": grant.user_id,
            "aud": grant.audience or self.audience,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "jti": str(uuid.uuid4()),
            "client_id": grant.user_id,
            **({"roles": list(grant.roles)} if grant.roles else {}),
            **scope,
        }
        return jwt.encode({"alg": "RS256", "kid": self.key.thumbprint()}, claims, self.key)
