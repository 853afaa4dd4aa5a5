"""`--system` chooses where the scenarios run; they themselves know only URLs, users and numbers."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.client import Database, TaskClient
from e2e.systems.database_gate import DatabaseGate
from e2e.systems.gateway import Gateway
from e2e.systems.local import LocalSystem, running


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--system", choices=["local"], default="local", help="where the scenarios run")


@dataclass(frozen=True)
class Stage:
    """A running system, what stands between its parts, and what it stored."""

    system: LocalSystem
    broker: Gateway  # between the relay and the broker
    gate: DatabaseGate  # between analytics and its database
    database: Database

    clients: contextlib.ExitStack  # closes what `user` opened

    def user(self) -> tuple[str, TaskClient]:
        """A user nobody else has, and their client."""
        name = f"user-{uuid.uuid4().hex}"
        client = TaskClient(self.system.urls["task-api"], self.system.token(name))
        self.clients.enter_context(client.http)
        return name, client


@contextlib.contextmanager
def staged(folder: Path, database_url: str, values: list[str] | None = None) -> Iterator[Stage]:
    """A system of its own, with both proxies in place."""
    with DatabaseGate(database_url) as gate, contextlib.ExitStack() as stack:
        broker = stack.enter_context(Gateway(lambda: system.urls["broker"]))
        environment = {"task-api": {"K_SINK": broker.url}, "analytics": {"DATABASE_URL": gate.url}}
        system = LocalSystem(folder, database_url, environment=environment, values=values)
        with running(system):
            clients = stack.enter_context(contextlib.ExitStack())
            yield Stage(system, broker, gate, Database(database_url), clients)


@pytest.fixture(scope="session")
def shared_stage(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[..., str]
) -> Iterator[Stage]:
    """One system per test process: it starts once, and every scenario uses users of its own."""
    with staged(tmp_path_factory.mktemp("system"), new_database()) as stage:
        yield stage


@pytest.fixture
def stage(shared_stage: Stage) -> Iterator[Stage]:
    """The shared system, with whatever a scenario broke put right again."""
    yield shared_stage
    shared_stage.clients.close()
    shared_stage.broker.passes()
    shared_stage.gate.passes()


@pytest.fixture
def new_stage(tmp_path: Path, new_database: Callable[..., str]) -> Iterator[Callable[..., Stage]]:
    """Start systems with other chart values."""
    with contextlib.ExitStack() as stack:
        yield lambda *values: stack.enter_context(staged(tmp_path, new_database(), list(values)))
