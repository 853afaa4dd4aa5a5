"""What ends a command; the text is one sentence for the person at the keyboard."""

from __future__ import annotations


class ImagesError(Exception):
    """Something out there failed: a registry, a build."""

    exit_code = 1


class UsageError(ImagesError):
    """Nothing was tried, because what was asked for cannot be done."""

    exit_code = 2
