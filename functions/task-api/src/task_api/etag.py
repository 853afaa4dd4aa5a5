"""Entity tags: the task's version in quotes, and the two conditions that name it (RFC 9110, section 13)."""

from __future__ import annotations

from task_api.errors import StaleVersion


def etag(version: int) -> str:
    return f'"{version}"'


class Match:
    """An If-Match or If-None-Match whose form the route has checked: `*`, or entity tags."""

    def __init__(self, value: str) -> None:
        self._tags = {tag.strip() for tag in value.split(",")}
        self._any = self._tags == {"*"}

    def require(self, version: int) -> None:
        """Raise StaleVersion unless named strongly: a weak tag does not promise that nothing was lost."""
        if not self._any and etag(version) not in self._tags:
            raise StaleVersion(version)

    def names(self, version: int) -> bool:
        """Weak comparison, as If-None-Match wants it."""
        return self._any or etag(version) in {tag.removeprefix("W/") for tag in self._tags}


def match(value: str | None) -> Match | None:
    return None if value is None else Match(value)
