"""What the command line and the environment decide; read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    data: Path
    first_port: int | None = None
    fresh: bool = False
    reload: bool = False
    database_url: str | None = None
    database_direct_url: str | None = None

    @staticmethod
    def database_of(environment: Mapping[str, str]) -> dict[str, str | None]:
        """`DATABASE_URL` replaces the embedded PostgreSQL; migrations may need another way to it."""
        return {
            "database_url": environment.get("DATABASE_URL") or None,
            "database_direct_url": environment.get("DATABASE_DIRECT_URL") or None,
        }
