"""What a started process finds in its environment."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from knative_local.placeholders import Template

_REFERENCE = re.compile(r"\$(?:\$|\((?P<name>[-._a-zA-Z][-._a-zA-Z0-9]*)\))")

# A container inherits nothing: a variable that the chart forgot must be missed here too. These only make
# programs find their files.
_INHERITED = {"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "VIRTUAL_ENV"}
_INHERITED_PREFIXES = ("LC_", "PYTHON", "COVERAGE_")


def base() -> dict[str, str]:
    """What every process gets, with this environment's programs first on the PATH."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }
    programs = str(Path(sys.executable).parent)
    return inherited | {"PATH": os.pathsep.join([programs, inherited.get("PATH", os.defpath)])}


def complete(
    planned: Iterable[tuple[str, str | Template]], values: Mapping[str, Callable[[], str]]
) -> dict[str, str]:
    """Fill templates and expand ``$(NAME)`` the way the kubelet does."""
    result: dict[str, str] = {}
    for name, value in planned:
        result[name] = value.fill(values) if isinstance(value, Template) else expand(value, result)
    return result


def expand(text: str, known: Mapping[str, str]) -> str:
    """``$(NAME)`` becomes the value, or stays when there is none; ``$$`` is a dollar sign."""

    def replace(match: re.Match[str]) -> str:
        name = match["name"]
        return "$" if name is None else known.get(name, match[0])

    return _REFERENCE.sub(replace, text)


def moved(text: str, path: str, folder: Path) -> str:
    """`text` with `folder` instead of `path`, where it names that or something below it."""
    return re.sub(rf"(?<![^=]){re.escape(path)}(?=/|$)", lambda _: str(folder), text)
