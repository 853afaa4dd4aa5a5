"""The real service: a process, a migrated database, tokens, and a fake broker.

It logs in as a user with the rights of the role `task_api` and no other; tests look on as the owner.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from .api_process import ApiProcess, command
from .fake_broker import Broker, broker_serving
from .tokens import ISSUER, Signer


class StartApi(Protocol):
    """Start `task-api serve`; a database of its own unless `database` names one."""

    def __call__(self, *, database: str | None = None, **environment: str) -> ApiProcess: ...


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer()


@pytest.fixture(scope="session")
def migrated(new_database: Callable[..., str]) -> str:
    url = new_database()
    done = command("migrate", DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    return url


@pytest.fixture
def database(migrated: str, new_database: Callable[..., str]) -> str:
    return new_database(migrated)


@pytest.fixture(scope="session")
def as_service(migrated: str, new_login: Callable[[str, str], str]) -> Callable[[str], str]:
    """The URL of a database as the service has it."""
    user = new_login(migrated, "task_api").rpartition("@")[0]
    return lambda url: f"{user}@{url.rpartition('@')[2]}"


@pytest.fixture(scope="session")
def environment(signer: Signer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    path = signer.write_jwks(tmp_path_factory.mktemp("keys") / "jwks.json")
    return {"OIDC_ISSUER": ISSUER, "OIDC_JWKS_FILE": str(path)}


@pytest.fixture(scope="session")
def api(
    migrated: str,
    new_database: Callable[..., str],
    as_service: Callable[[str], str],
    signer: Signer,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ApiProcess]:
    """One for all tests that need no settings of their own; each brings its own user.

    There is no broker, so events stay where a test can read them.
    """
    url = new_database(migrated)
    log = tmp_path_factory.mktemp("api") / "log"
    process = ApiProcess(log, signer, url, {**environment, "DATABASE_URL": as_service(url)})
    yield process
    process.close()


@pytest.fixture
def start(
    migrated: str,
    new_database: Callable[..., str],
    as_service: Callable[[str], str],
    signer: Signer,
    environment: dict[str, str],
    tmp_path: Path,
) -> Iterator[StartApi]:
    processes: list[ApiProcess] = []

    def make(*, database: str | None = None, **given: str) -> ApiProcess:
        url = database or new_database(migrated)
        merged = {"DATABASE_URL": as_service(url), **environment, **given}
        processes.append(ApiProcess(tmp_path / f"log{len(processes)}", signer, url, merged))
        return processes[-1]

    yield make
    for process in processes:
        process.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    with broker_serving() as broker:
        yield broker


@pytest.fixture
def user_id() -> str:
    return f"user-{uuid.uuid4().hex}"


@pytest.fixture
def client(api: ApiProcess, user_id: str) -> Iterator[httpx.Client]:
    with api.client(user_id) as client:
        yield client


@pytest.fixture
def stranger(api: ApiProcess, user_id: str) -> Iterator[httpx.Client]:
    with api.client(f"{user_id}-stranger") as client:
        yield client
