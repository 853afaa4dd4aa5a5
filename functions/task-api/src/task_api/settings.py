"""The environment, read once; the fields are the only list of the variables this service knows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from task_api.database_url import connect_arguments
from task_api.errors import ConfigurationError


def _database_url(url: str) -> str:
    try:
        connect_arguments(url)
    except ConfigurationError as error:
        raise ValueError(str(error)) from None
    return url


def _http_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return url


DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class DatabaseSettings(BaseSettings):
    """What the commands beside the server need; the migration Job has no issuer."""

    # An empty variable is how manifests and shells spell "not set".
    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore")

    database_url: DatabaseUrl = Field(description="postgresql:// URL; may point to a pooler.")
    database_direct_url: DatabaseUrl | None = Field(
        default=None, description="URL past the pooler, for migrations; defaults to DATABASE_URL."
    )
    log_level: LogLevel = Field(default="INFO", description="Lowest level that is logged.")

    @property
    def direct_url(self) -> str:
        return self.database_direct_url or self.database_url


class Settings(DatabaseSettings):
    """Everything `task-api serve` reads."""

    host: str = Field(default="0.0.0.0", description="Address to listen on.")  # noqa: S104  a container
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: HttpUrl | None = Field(
        default=None, description="URL clients use; absolute URLs in answers come only from here."
    )

    database_pool_size: int = Field(default=10, ge=2, le=100, description="Most connections per process.")
    database_timeout_seconds: float = Field(
        default=5, gt=0, description="A statement that takes longer becomes a 503."
    )

    oidc_issuer: HttpUrl = Field(description="The only accepted `iss`; discovery starts there.")
    oidc_audience: str = Field(default="task-api", min_length=1, description="Required in `aud`.")
    oidc_jwks_file: Path | None = Field(default=None, description="JWK set on disk, instead of discovery.")
    oidc_keys_refresh_seconds: float = Field(default=600, gt=0, description="Keys are read anew after this.")
    oidc_keys_max_age_seconds: float = Field(
        default=3600, gt=0, description="How long keys are used while the issuer is down."
    )
    oidc_refresh_cooldown_seconds: float = Field(
        default=10, gt=0, description="Least time between two reads caused by unknown key ids."
    )
    oidc_clock_skew_seconds: int = Field(default=30, ge=0, le=300, description="Leeway for exp, nbf and iat.")

    require_if_match: bool = Field(default=False, description="428 for PATCH and DELETE without If-Match.")

    k_sink: HttpUrl | None = Field(default=None, description="URL of the Broker; without it events wait.")
    relay_concurrency: int = Field(default=32, ge=1, le=256, description="Events in flight to the broker.")
    relay_timeout_seconds: float = Field(
        default=5, gt=0, description="The broker's time to answer one event."
    )
    relay_lease_seconds: float = Field(
        default=8, gt=0, description="How long a claimed event belongs to one process; above the timeout."
    )
    relay_backoff_max_seconds: float = Field(
        default=60, gt=0, description="Longest pause between two attempts for one event."
    )
    relay_poll_max_seconds: float = Field(
        default=60, gt=0, description="Longest pause between two looks into an idle outbox."
    )

    deleted_task_retention_days: int = Field(
        default=30, ge=0, description="Deleted tasks can be restored for this long, then they are gone."
    )
    retention_interval_seconds: float = Field(default=3600, gt=0, description="Pause between two clean-ups.")

    drain_delay_seconds: float = Field(
        default=0, ge=0, description="Go on serving this long after SIGTERM, /readyz saying 503."
    )
    shutdown_grace_seconds: float = Field(
        default=20, gt=0, description="Time after SIGTERM for open requests and waiting events together."
    )

    otel_exporter_prometheus_host: str | None = Field(
        default=None, description="Address of /metrics; defaults to HOST."
    )
    otel_exporter_prometheus_port: int = Field(
        default=9464, ge=0, le=65535, description="Port of /metrics; 0 takes a free one."
    )
    otel_exporter_otlp_endpoint: HttpUrl | None = Field(
        default=None, description="Collector that gets traces, OTLP over HTTP; without it none are made."
    )

    @property
    def metrics_host(self) -> str:
        return self.otel_exporter_prometheus_host or self.host

    @property
    def flush_seconds(self) -> float:
        """The part of the grace in which the collector may take the last spans."""
        return self.shutdown_grace_seconds / 10 if self.otel_exporter_otlp_endpoint else 0

    @model_validator(mode="after")
    def _lease_outlives_timeout(self) -> Self:
        # Otherwise a second relay would claim an event whose POST is still being answered.
        if self.relay_lease_seconds <= self.relay_timeout_seconds:
            raise ValueError("RELAY_LEASE_SECONDS must be above RELAY_TIMEOUT_SECONDS")
        return self


_S = TypeVar("_S", bound=DatabaseSettings)


def read_settings(kind: type[_S]) -> _S:
    """Read the environment.

    Raises:
        ConfigurationError: one sentence that names each wrong variable, and no value.
    """
    try:
        return kind()  # type: ignore[call-arg]  # the environment gives them
    except ValidationError as error:
        faults = (
            _fault([str(part) for part in e["loc"]], e["msg"]) for e in error.errors(include_input=False)
        )
        raise ConfigurationError("; ".join(faults)) from None


def _fault(loc: list[str], message: str) -> str:
    return f"{loc[0].upper()}: {message}" if loc else message
