"""From a URL as a provider shows it to what asyncpg takes.

asyncpg hands every key it does not know to the server, which then refuses the connection; libpq's
`sslmode=require` means encryption without knowing to whom. Here unknown keys are dropped and TLS, where
asked for, is verified.
"""

from __future__ import annotations

import ssl
from typing import NotRequired, TypedDict
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from task_api.errors import ConfigurationError

_SCHEMES = frozenset({"postgres", "postgresql", "postgresql+asyncpg"})
# Keys both libpq and asyncpg understand.
_KEPT = frozenset({"host", "port", "user", "password", "dbname", "database", "application_name", "options"})
_VERIFIED = frozenset({"require", "verify-ca", "verify-full"})
_SSL_MODES = _VERIFIED | {"disable", "allow", "prefer"}


class ConnectArguments(TypedDict):
    """Keyword arguments of `asyncpg.connect` and `asyncpg.create_pool`."""

    dsn: str
    ssl: NotRequired[ssl.SSLContext | bool]
    statement_cache_size: NotRequired[int]


def connect_arguments(url: str) -> ConnectArguments:
    """Translate a database URL.

    `pgbouncer=true`, as other tools spell it, turns named prepared statements off: PgBouncer before 1.21
    loses them between transactions. Newer ones, and Neon's, keep them.

    Raises:
        ConfigurationError: not a PostgreSQL URL; the message holds no part of the URL.
    """
    parts = _split(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    kept = urlencode([(key, value) for key, value in query.items() if key in _KEPT])
    dsn = parts._replace(scheme="postgresql", query=kept, fragment="").geturl()
    arguments = ConnectArguments(dsn=dsn)
    mode = query.get("sslmode", "prefer")
    if mode not in _SSL_MODES:
        raise ConfigurationError(f"sslmode {mode!r} is not one of {', '.join(sorted(_SSL_MODES))}")
    if mode in _VERIFIED:
        arguments["ssl"] = _verified(mode, query.get("sslrootcert"))
    elif mode == "disable":
        arguments["ssl"] = False
    if query.get("pgbouncer", "").lower() in {"true", "1", "yes"}:
        arguments["statement_cache_size"] = 0
    return arguments


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        # Several hosts, each with its port, are for asyncpg to read.
        _ = None if "," in parts.netloc else parts.port
    except ValueError as error:
        raise ConfigurationError(f"not a database URL: {error}") from None
    if parts.scheme not in _SCHEMES:
        raise ConfigurationError("not a PostgreSQL URL: it must begin with postgresql://")
    return parts


def _verified(mode: str, root: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=None if root in {None, "", "system"} else root)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"sslrootcert cannot be read: {error}") from None
    # libpq's verify-ca trusts the authority whatever name the certificate bears; the others check both.
    context.check_hostname = mode != "verify-ca"
    return context
