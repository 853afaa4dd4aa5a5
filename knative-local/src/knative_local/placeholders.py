"""Values of the profile that are completed when addresses are known: ``{postgres.url}``, ``{free_port}``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

_PLACEHOLDER = re.compile(r"\{([A-Za-z][A-Za-z0-9_.:-]*)\}")


@dataclass(frozen=True)
class Template:
    """Text in which names in braces stand for values; other braces are just braces."""

    text: str

    def names(self) -> list[str]:
        return _PLACEHOLDER.findall(self.text)

    def check(self, where: str, known: Iterable[str]) -> None:
        """Raise ValueError for a placeholder that nobody will fill."""
        known = list(known)
        for name in self.names():
            if name not in known:
                raise ValueError(f"{where}: nothing is known as {{{name}}}; known are {', '.join(known)}")

    def fill(self, values: Mapping[str, Callable[[], str]]) -> str:
        """Each value is asked for anew each time: every ``{free_port}`` is another one."""
        return _PLACEHOLDER.sub(lambda match: values[match[1]](), self.text)
