"""Connections to PostgreSQL: a URL as libpq reads it becomes what asyncpg takes."""

from __future__ import annotations

import ssl
from typing import Any, TypeAlias
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from analytics.errors import DatabaseAway, InvalidSetting

# The classes are generic in their stubs only.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

# asyncpg sends every key it does not know to the server, which refuses `channel_binding` and its like; these
# it knows, or the server does.
_KNOWN = frozenset(
    [
        "host",
        "port",
        "dbname",
        "user",
        "password",
        "passfile",
        "service",
        "target_session_attrs",
        "options",
        "application_name",
        "sslnegotiation",
        "ssl_min_protocol_version",
        "ssl_max_protocol_version",
        "krbsrvname",
        "gsslib",
    ]
)
_TLS_FILES = frozenset(("sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl"))
# libpq encrypts without a look at the certificate under `require`, which is what Neon's URLs say.
_VERIFIED = ("require", "verify-ca", "verify-full")
_UNVERIFIED = ("disable", "allow", "prefer")
CONNECT_SECONDS = 10.0


def connect_arguments(url: str) -> dict[str, Any]:
    """For asyncpg.connect: libpq's own keys are dropped, and TLS that is required is verified."""
    parts = _split(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    mode = query.get("sslmode", "prefer")
    if mode not in (*_VERIFIED, *_UNVERIFIED):
        raise InvalidSetting(f"The database URL has an sslmode {mode!r} nobody knows.")
    verified = mode in _VERIFIED
    kept = _KNOWN if verified else _KNOWN | _TLS_FILES
    text = urlencode({name: value for name, value in query.items() if name in kept})
    arguments: dict[str, Any] = {"dsn": urlunsplit(parts._replace(query=text)), "timeout": CONNECT_SECONDS}
    if verified:
        arguments["ssl"] = _tls(query)
    return arguments


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidSetting(f"The database URL is not a URL: {error}.") from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise InvalidSetting("The database URL does not begin with postgresql://.")
    for place in parts.netloc.rpartition("@")[2].split(","):
        port = place.rpartition("]")[2].partition(":")[2]
        if port and not (port.isascii() and port.isdigit()):
            raise InvalidSetting("The database URL has a port that is not a number.")
    return parts


def _tls(query: dict[str, str]) -> ssl.SSLContext:
    root = query.get("sslrootcert")
    try:
        context = ssl.create_default_context(cafile=None if root in (None, "system") else root)
        context.check_hostname = query["sslmode"] != "verify-ca"
        if "sslcert" in query:
            context.load_cert_chain(query["sslcert"], query.get("sslkey"), query.get("sslpassword"))
    except OSError as error:  # ssl.SSLError is one
        raise InvalidSetting(f"A certificate file of the database URL cannot be used: {error}.") from None
    return context


async def connect(url: str) -> Connection:
    """One connection, for a command."""
    try:
        return await asyncpg.connect(**connect_arguments(url))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise database_away(error) from error


def database_away(error: BaseException) -> DatabaseAway:
    """The sentence names the fault's kind: the text of a time-out is empty."""
    return DatabaseAway(f"The database cannot be used: {type(error).__name__} {error}".rstrip(" .") + ".")
