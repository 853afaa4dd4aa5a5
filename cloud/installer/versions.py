"""versions.toml, the one home of every version."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Component:
    """One table of versions.toml, as far as an installation needs it."""

    version: str
    chart: str = ""
    artifact: str = ""
    files: tuple[str, ...] = field(default=())

    @property
    def source(self) -> str:
        """Where the release lies."""
        return self.artifact.format(version=self.chart or self.version)

    @property
    def sources(self) -> tuple[str, ...]:
        """The same for a release of several files."""
        return tuple(self.artifact.format(version=self.version, file=file) for file in self.files)


@dataclass(frozen=True)
class Versions:
    kubernetes: str
    helm: str
    tables: dict[str, dict[str, Any]]

    def __getitem__(self, name: str) -> Component:
        table = self.tables[name]
        known = {key: table[key] for key in ("version", "chart", "artifact") if key in table}
        return Component(**known, files=tuple(table.get("files", ())))


def read(path: Path = ROOT / "versions.toml") -> Versions:
    tables = tomllib.loads(path.read_text())
    return Versions(tables["kubernetes"]["minimum"], tables["helm"]["minimum"], tables)


def number(version: str) -> tuple[int, int]:
    """Major and minor, for comparison; clouds write `v1.34.2-gke.100` and `34+`."""
    major, minor = version.lstrip("v").split(".")[:2]
    return int(major), int("".join(character for character in minor if character.isdigit()))
