"""Everything that can go wrong, as one tree: each class knows the exit code of the command line."""

from __future__ import annotations


class KnativeLocalError(Exception):
    """A failure that one sentence explains; a command prints it and exits with `exit_code`."""

    exit_code = 1


class UsageError(KnativeLocalError):
    """Something the user wrote is wrong: an argument, the profile, a manifest, a folder."""

    exit_code = 2


class StartError(KnativeLocalError):
    """Everything was asked for correctly, and still a part did not come up."""


class ManifestError(UsageError):
    """A field of a manifest; the sentence begins with the place a terminal can jump to."""

    def __init__(self, file: str, line: int, path: str, reason: str) -> None:
        super().__init__(f"{file}:{line}: {path}: {reason}")
