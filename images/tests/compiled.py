"""Modules that are compiled, for good."""

from __future__ import annotations

import importlib.util
from pathlib import Path

UNCHECKED_HASH = (1).to_bytes(4, "little")  # PEP 552: the source is never looked at


def sources(library: Path) -> list[Path]:
    return sorted(library.rglob("*.py"))


def assert_compiled(library: Path) -> None:
    """Every module has its .pyc, made by this Python from this source."""
    found = sources(library)
    assert found, library
    for path in found:
        content = Path(importlib.util.cache_from_source(path)).read_bytes()
        assert content[:4] == importlib.util.MAGIC_NUMBER, path
        assert content[4:8] == UNCHECKED_HASH, path
        assert content[8:16] == importlib.util.source_hash(path.read_bytes()), path


def spoil(library: Path) -> None:
    """After this only a .pyc can be imported."""
    for path in sources(library):
        path.write_text("raise RuntimeError('compiled from source')\n")
