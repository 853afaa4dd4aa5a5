"""What stops a load before it begins."""

from __future__ import annotations


class LoadError(Exception):
    """One sentence that says what to do; the command ends with exit code 2."""
