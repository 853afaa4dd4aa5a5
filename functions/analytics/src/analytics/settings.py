"""The environment, read once. A field's name in capitals is the variable's name: this is their one home."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from analytics.errors import InvalidSetting

_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`database_direct_url` serves migrate, prune and recompute: locks do not survive a pooler's reuse."""

    database_url: str
    database_direct_url: str = ""
    host: str = "0.0.0.0"  # noqa: S104 - in its container; the laptop sets 127.0.0.1
    port: int = 8080
    log_level: str = "INFO"
    otel_exporter_otlp_endpoint: str = ""


def read_settings(environment: Mapping[str, str]) -> Settings:
    """An empty variable is an absent one: that is how Kubernetes and shells spell "unset"."""
    names = Settings.__struct_fields__
    given = {name: environment[name.upper()] for name in names if environment.get(name.upper())}
    if "database_url" not in given:
        raise InvalidSetting("DATABASE_URL is not set: postgresql://USER:PASSWORD@HOST/DATABASE is needed.")
    if given.get("log_level", "INFO").upper() not in _LOG_LEVELS:
        raise InvalidSetting(
            f"LOG_LEVEL is {given['log_level']!r}: one of {', '.join(_LOG_LEVELS)} is needed."
        )
    port = given.get("port", "8080")
    if not (port.isascii() and port.isdigit() and int(port) < 2**16):
        raise InvalidSetting(f"PORT is {port!r}: a number from 0 to 65535 is needed.")
    collector = given.get("otel_exporter_otlp_endpoint", "http://")
    if not collector.startswith(("http://", "https://")):
        raise InvalidSetting("OTEL_EXPORTER_OTLP_ENDPOINT does not begin with http:// or https://.")
    settings = msgspec.convert(given, Settings, strict=False)
    return msgspec.structs.replace(
        settings,
        log_level=settings.log_level.upper(),
        database_direct_url=settings.database_direct_url or settings.database_url,
    )
