"""`--system` chooses where the scenarios run; they themselves know only URLs, users and numbers."""

from __future__ import annotations

import contextlib
import os
import ssl
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.client import Database, TaskClient
from e2e.cluster.errors import ClusterError
from e2e.cluster.settings import ClusterSettings, read_settings
from e2e.systems.absent import Absent, cannot
from e2e.systems.cluster import ClusterSystem, installed
from e2e.systems.database_gate import DatabaseGate
from e2e.systems.gateway import Gateway
from e2e.systems.local import LocalSystem, running
from e2e.systems.system import System

CLUSTER = pytest.StashKey[ClusterSettings]()
# The first scenario builds four images and installs everything; the others wait for pods that start.
CLUSTER_TIMEOUT = 1200


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--system", choices=["local", "cluster"], default="local", help="where the scenarios run"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("system", "local") != "cluster":
        return
    if config.getoption("numprocesses", None):
        raise pytest.UsageError("--system=cluster runs in one process: there is one release. Leave -n out.")
    try:
        config.stash[CLUSTER] = read_settings(os.environ)
    except ClusterError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Only the scenarios need a cluster; what surrounds them is tested without."""
    aside = collection_path.is_file() and "scenarios" not in collection_path.parts
    return True if aside and CLUSTER in config.stash else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if CLUSTER in config.stash:
        for item in items:
            item.add_marker(pytest.mark.timeout(CLUSTER_TIMEOUT))


@dataclass(frozen=True)
class Stage:
    """A running system, what it stored, and where the system lets us, what stands between its parts."""

    system: System
    database: Database
    clients: contextlib.ExitStack  # closes what `user` opened
    gateway: Gateway | None = None
    database_gate: DatabaseGate | None = None
    tls: ssl.SSLContext | bool = True

    @property
    def broker(self) -> Gateway:
        """Between the relay and the broker."""
        return self.gateway or cannot(Absent.BROKER_PROXY)

    @property
    def gate(self) -> DatabaseGate:
        """Between analytics and its database."""
        return self.database_gate or cannot(Absent.DATABASE_PROXY)

    def user(self) -> tuple[str, TaskClient]:
        """A user nobody else has, and their client."""
        name = f"user-{uuid.uuid4().hex}"
        client = TaskClient(self.system.url("task-api"), self.system.token(name), self.tls)
        self.clients.enter_context(client.http)
        return name, client

    def repair(self) -> None:
        """Put right what a scenario broke."""
        self.clients.close()
        for proxy in (self.gateway, self.database_gate):
            if proxy:
                proxy.passes()


@contextlib.contextmanager
def staged(folder: Path, database_url: str, values: list[str] | None = None) -> Iterator[Stage]:
    """A laptop system of its own, with both proxies in place."""
    with DatabaseGate(database_url) as gate, contextlib.ExitStack() as stack:
        broker = stack.enter_context(Gateway(lambda: system.urls["broker"]))
        environment = {"task-api": {"K_SINK": broker.url}, "analytics": {"DATABASE_URL": gate.url}}
        system = LocalSystem(folder, database_url, environment=environment, values=values)
        with running(system):
            clients = stack.enter_context(contextlib.ExitStack())
            yield Stage(system, Database(lambda: database_url), clients, broker, gate)


@contextlib.contextmanager
def on_cluster(settings: ClusterSettings, failed: Callable[[], bool]) -> Iterator[Stage]:
    """The release on a cluster; when a scenario failed, what is there is collected before it goes."""
    with contextlib.ExitStack() as stack:
        try:
            system = stack.enter_context(installed(ClusterSystem(settings)))
        except ClusterError as error:
            # Not one scenario could run: a sentence for the person, not a traceback for each.
            pytest.exit(str(error), returncode=2)
        clients = stack.enter_context(contextlib.ExitStack())
        yield Stage(system, Database(system.database_url), clients, tls=system.tls)
        if failed():
            system.collect()


@pytest.fixture(scope="session")
def shared_stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One system per test process: it starts once, and every scenario uses users of its own."""
    settings = request.config.stash.get(CLUSTER, None)
    if settings is None:
        url = request.getfixturevalue("new_database")()
        with staged(tmp_path_factory.mktemp("system"), url) as stage:
            yield stage
        return
    with on_cluster(settings, lambda: request.session.testsfailed > 0) as stage:
        yield stage


@pytest.fixture
def stage(shared_stage: Stage) -> Iterator[Stage]:
    """The shared system, with whatever a scenario broke put right again."""
    shared_stage.system.wait_ready()
    yield shared_stage
    shared_stage.repair()


@pytest.fixture
def new_stage(
    request: pytest.FixtureRequest, tmp_path: Path, new_database: Callable[..., str]
) -> Iterator[Callable[..., Stage]]:
    """Start systems with other chart values."""
    if CLUSTER in request.config.stash:
        cannot(Absent.OTHER_VALUES)
    with contextlib.ExitStack() as stack:
        yield lambda *values: stack.enter_context(staged(tmp_path, new_database(), list(values)))
