"""Everything that can go wrong, each with its sentence.

DevIssuerError              the command line prints it and exits with 2
├── BadKeyFile              the data folder or its key cannot be used
├── CannotListen            the address is taken or not ours
├── NoSystem                nothing runs where a token was asked for
├── TokenRefused            the issuer answered, and not with a token
└── GrantError              the token endpoint answers it as JSON (RFC 6749 section 5.2)
    ├── InvalidRequest      400
    │   └── BodyTooLarge    413
    ├── InvalidClient       400
    └── UnsupportedGrant    400
"""

from __future__ import annotations


class DevIssuerError(Exception):
    """Its text is one sentence for the person at the keyboard."""


class BadKeyFile(DevIssuerError):
    pass


class CannotListen(DevIssuerError):
    pass


class NoSystem(DevIssuerError):
    pass


class TokenRefused(DevIssuerError):
    pass


class GrantError(DevIssuerError):
    status = 400
    code = "invalid_request"

    def body(self) -> dict[str, str]:
        return {"error": self.code, "error_description": str(self)}


class InvalidRequest(GrantError):
    pass


class BodyTooLarge(InvalidRequest):
    status = 413


class InvalidClient(GrantError):
    code = "invalid_client"


class UnsupportedGrant(GrantError):
    code = "unsupported_grant_type"
