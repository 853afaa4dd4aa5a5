"""``laptop.toml``: everything about this machine that the manifests do not say."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from knative_local.autoscaler.cluster import ClusterDefaults
from knative_local.durations import go_seconds
from knative_local.errors import UsageError
from knative_local.manifests.inspection import nearest
from knative_local.placeholders import Template


class _Table(msgspec.Struct, frozen=True, rename="kebab"):
    """A table of the file; `_refuse_unknown` finds misspelled keys before it is decoded."""


class Postgres(_Table, frozen=True):
    database: str = "postgres"


class Companion(_Table, frozen=True):
    """A program of this machine that stands for a service of the cluster."""

    command: tuple[str, ...]
    stands_for: str  # the cluster URL under which manifests know it
    ready: str = "/"  # path that answers 200 once it works
    url_name: str | None = None  # its key in system.json; its name unless given


class Profile(_Table, frozen=True):
    """Placeholders such as ``{postgres.url}`` stay in the values until the addresses are known."""

    manifests: tuple[str, ...]
    postgres: Postgres | None = None
    secrets: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    images: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    companions: dict[str, Companion] = msgspec.field(default_factory=dict)
    environment: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    autoscaler: ClusterDefaults = ClusterDefaults()
    reload: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    hints: tuple[str, ...] = ()
    folder: str = ""  # where the file is: manifest and source folders are relative to it

    def manifest_folders(self) -> list[Path]:
        return [Path(self.folder, name) for name in self.manifests]


_SECRET_NAMES = ("postgres.url", "postgres.direct-url")
_COMMAND_NAMES = ("port", "data")
_HINT_NAMES = ("urls.", "token:")
_ENVIRONMENT_NAMES = ("free_port", *_SECRET_NAMES)


def read(path: Path) -> Profile:
    """Raise `UsageError` for a misspelled key, a wrong type or an unknown placeholder."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from None
    try:
        _refuse_unknown(data)
        data["folder"] = str(path.resolve().parent)
        profile = msgspec.convert(data, Profile)
        _check_placeholders(profile)
        _check_durations(profile.autoscaler)
    except (msgspec.ValidationError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from None
    return profile


def _refuse_unknown(data: dict[str, object]) -> None:
    _refuse_unknown_keys(data, Profile, "", hidden={"folder"})
    for name, kind in (("postgres", Postgres), ("autoscaler", ClusterDefaults)):
        _refuse_unknown_keys(data.get(name), kind, f"{name}.")
    companions = data.get("companions")
    for name, table in companions.items() if isinstance(companions, dict) else ():
        _refuse_unknown_keys(table, Companion, f"companions.{name}.")


def _refuse_unknown_keys(
    table: object, kind: type[msgspec.Struct], prefix: str, hidden: frozenset[str] | set[str] = frozenset()
) -> None:
    if not isinstance(table, dict):
        return
    known = [field.encode_name for field in msgspec.structs.fields(kind) if field.encode_name not in hidden]
    for key in table:
        if key not in known:
            raise ValueError(f"unknown key '{prefix}{key}'{nearest(key, known)}")


def _check_placeholders(profile: Profile) -> None:
    for secret, values in profile.secrets.items():
        for key, value in values.items():
            Template(value).check(f"secrets.{secret}.{key}", _SECRET_NAMES)
    for service, values in profile.environment.items():
        for key, value in values.items():
            Template(value).check(f"environment.{service}.{key}", _ENVIRONMENT_NAMES)
    for name, companion in profile.companions.items():
        for argument in companion.command:
            Template(argument).check(f"companions.{name}.command", _COMMAND_NAMES)

    for hint in profile.hints:
        for name in Template(hint).names():
            if not name.startswith(_HINT_NAMES):
                raise ValueError(f"hints: nothing is known as {{{name}}}; known are urls.NAME and token:USER")


def _check_durations(autoscaler: ClusterDefaults) -> None:
    for key in (
        "stable_window",
        "scale_to_zero_grace_period",
        "scale_to_zero_pod_retention_period",
        "scale_down_delay",
    ):
        go_seconds(getattr(autoscaler, key))
