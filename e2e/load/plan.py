"""How a load goes up, and stays there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

RAMP = (0.25, 0.5, 0.75)


class Load(NamedTuple):
    """Without a rate the loop is closed: a client's next request leaves when its last answer is there."""

    clients: int
    seconds: float
    ramp_seconds: float
    rate: float | None = None
    users: int = 4

    @property
    def loop(self) -> str:
        """What latency means in this run."""
        if self.rate is None:
            return (
                f"closed loop: each of {self.clients} clients sends when its last answer is there, "
                "so latency includes the wait for a busy server"
            )
        return (
            f"paced: {self.clients} clients send {self.rate:g}/s together (hey -q), one request at a time each; "
            "a slow answer delays the next request, and latency leaves that delay out"
        )


class Step(NamedTuple):
    name: str
    seconds: float
    clients: int
    rate: float | None


def steps(load: Load) -> Iterator[Step]:
    """Three steps up, then all of it."""
    for part in RAMP if load.ramp_seconds else ():
        yield _step(f"{part:.0%}", load.ramp_seconds, load, part)
    yield _step("100%", load.seconds, load, 1.0)


def share(clients: int, users: int) -> list[int]:
    """Clients of each user, as equal as can be."""
    return [clients // users + (user < clients % users) for user in range(users)]


def _step(name: str, seconds: float, load: Load, part: float) -> Step:
    rate = None if load.rate is None else load.rate * part
    return Step(name, seconds, max(load.users, round(load.clients * part)), rate)
