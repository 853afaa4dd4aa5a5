"""What a client asks of the token endpoint, read strictly (RFC 6749 sections 3.2 and 4.4)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from dev_issuer.errors import InvalidClient, InvalidRequest, UnsupportedGrant

_REPEATABLE = "role"
_MAX_USER_ID = 255


@dataclass(frozen=True)
class Grant:
    user_id: str
    roles: tuple[str, ...] = ()
    scope: str | None = None
    audience: str | None = None


def parse(body: bytes) -> Grant:
    """The grant in a form body; a parameter without a value counts as absent, as the RFC says."""
    single, roles = _parameters(body)
    match single.get("grant_type"):
        case "client_credentials":
            pass
        case None:
            raise InvalidRequest("grant_type is missing: send grant_type=client_credentials as a form.")
        case _:
            raise UnsupportedGrant("This issuer knows grant_type client_credentials only.")
    return Grant(
        user_id=checked_user_id(single.get("client_id", "")),
        roles=roles,
        scope=single.get("scope"),
        audience=single.get("audience"),
    )


def checked_user_id(user_id: str) -> str:
    """The id itself when it is one RFC 6749 allows as client_id: printable ASCII."""
    if not user_id.strip():
        raise InvalidClient("The user id is empty: give one, for example alice.")
    if len(user_id) > _MAX_USER_ID or not (user_id.isascii() and user_id.isprintable()):
        raise InvalidClient(f"The user id must be printable ASCII of at most {_MAX_USER_ID} characters.")
    return user_id


def _parameters(body: bytes) -> tuple[dict[str, str], tuple[str, ...]]:
    try:
        pairs = parse_qsl(body.decode("utf-8"), errors="strict", max_num_fields=50)
    except ValueError as error:
        raise InvalidRequest("The body is not a form in UTF-8 with at most 50 fields.") from error
    single: dict[str, str] = {}
    for name, value in pairs:
        if name == _REPEATABLE:
            continue
        if name in single:
            raise InvalidRequest(f"The parameter {name} is there twice.")
        single[name] = value
    return single, tuple(value for name, value in pairs if name == _REPEATABLE)
