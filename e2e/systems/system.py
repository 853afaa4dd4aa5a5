"""What a scenario may ask of the system it runs on, wherever that is."""

from __future__ import annotations

import subprocess
from typing import Any, Protocol


class System(Protocol):
    """The laptop and a cluster; what one of them cannot do is in absent.py."""

    def url(self, name: str) -> str:
        """Where `task-api` and `issuer` are, and where `broker` takes events."""

    def token(self, user: str) -> str: ...

    def instances(self, name: str) -> list[str]:
        """What runs of a service or of the broker: names that no successor has."""

    def kill(self, name: str) -> list[str]:
        """End every instance without a chance to finish anything; return which."""

    def wait_ready(self) -> None:
        """Return when the API answers."""

    def is_idle(self) -> bool:
        """Whether the broker has nothing left to deliver."""

    def dead_letters(self) -> list[dict[str, Any]]: ...

    def records(self, topic: str) -> list[dict[str, Any]]:
        """All of them, oldest first."""

    def log(self, name: str) -> str: ...

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run one of the services' own commands on the system's database."""

    def describe(self) -> object:
        """For the message of a condition that does not come."""
