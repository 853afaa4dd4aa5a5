"""As root these show the borrowed account in a folder that only root may enter; as a user, the plain way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from knative_local.postgres.postmaster_file import served_by
from knative_local.process_table import is_alive

SCRIPT = Path(sys.executable).with_name("knative-local")
SECONDS = 60.0


def launch(data: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen([SCRIPT, "postgres", "--data", data, *more], stdout=subprocess.PIPE, text=True)


@contextlib.contextmanager
def serving(data: Path, *more: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    with launch(data, *more) as launcher:
        assert launcher.stdout is not None
        try:
            yield launcher.stdout.readline().strip(), launcher
        finally:
            launcher.send_signal(signal.SIGTERM)


def ask(url: str, *statements: str) -> list[object]:
    async def run() -> list[object]:
        connection = await asyncpg.connect(url)
        try:
            return [await connection.fetchval(statement) for statement in statements]
        finally:
            await connection.close()

    return asyncio.run(run())


def postmaster(data: Path) -> int:
    pid = served_by(data.resolve() / "postgres" / "data")
    assert pid is not None
    return pid


def eventually_gone(pid: int) -> None:
    deadline = time.monotonic() + SECONDS
    while is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Below a folder that is closed to everybody else, whatever the umask."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    return closed / "a b"


def test_the_first_line_is_a_url_that_works_at_once(data: Path) -> None:
    with serving(data) as (url, _):
        assert url.startswith("postgresql://task:")
        assert url.endswith("/postgres")
        assert ask(url, "SELECT 1", "SELECT current_user", "SELECT lower('ÄΩ')") == [1, "task", "äω"]


def test_it_is_durable_and_listens_on_loopback_only(data: Path) -> None:
    with serving(data) as (url, _):
        assert ask(url, "SHOW fsync", "SHOW synchronous_commit", "SHOW full_page_writes") == [
            "on",
            "on",
            "on",
        ]
        assert ask(url, "SHOW listen_addresses", "SHOW unix_socket_directories") == ["127.0.0.1", ""]


def test_an_ephemeral_one_is_not_durable(data: Path) -> None:
    with serving(data, "--ephemeral") as (url, _):
        assert ask(url, "SHOW fsync", "SHOW synchronous_commit", "SHOW full_page_writes") == [
            "off",
            "off",
            "off",
        ]


def test_a_wrong_password_is_refused(data: Path) -> None:
    with serving(data) as (url, _):
        password = url.split(":")[2].split("@")[0]
        with pytest.raises(asyncpg.InvalidPasswordError):
            ask(url.replace(password, "wrong"), "SELECT 1")


def test_the_password_is_readable_by_the_owner_only(data: Path) -> None:
    with serving(data):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (data / "postgres").iterdir()}

    assert modes["password"] == 0o600
    assert modes["data"] == 0o700


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_even_with_a_client_connected(data: Path, number: signal.Signals) -> None:
    with launch(data) as launcher:
        assert launcher.stdout is not None
        url = launcher.stdout.readline().strip()
        pid = postmaster(data)

        async def stop_while_connected() -> int:
            connection = await asyncpg.connect(url)
            launcher.send_signal(number)
            code = await asyncio.to_thread(launcher.wait, SECONDS)
            connection.terminate()
            return code

        assert asyncio.run(stop_while_connected()) == 0
        assert not is_alive(pid)


def test_kill_9_of_the_launcher_leaves_no_process_and_no_damage(data: Path) -> None:
    with launch(data) as launcher:
        assert launcher.stdout is not None
        url = launcher.stdout.readline().strip()
        pid = postmaster(data)
        ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        launcher.kill()
    eventually_gone(pid)

    with serving(data) as (url, _):
        assert ask(url, "SELECT answer FROM kept") == [42]


def test_a_server_that_a_killed_launcher_left_is_ended(data: Path) -> None:
    """As on systems that do not tell a child of its parent's death: here the child cannot hear it."""
    with launch(data) as launcher:
        assert launcher.stdout is not None
        launcher.stdout.readline()
        left = postmaster(data)
        os.kill(left, signal.SIGSTOP)
        launcher.kill()

    with serving(data) as (url, _):
        assert not is_alive(left)
        assert ask(url, "SELECT 1") == [1]


def test_a_number_that_a_stranger_has_by_now_does_not_keep_it_from_starting(data: Path) -> None:
    """As after a reboot: the record is of a server that is long gone."""
    with serving(data):
        record = (data / "postgres" / "data" / "postmaster.pid").read_text()
        server = postmaster(data)
    stale = record.replace(str(server), str(os.getpid()), 1)
    (data / "postgres" / "data" / "postmaster.pid").write_text(stale)

    with serving(data) as (url, _):
        assert ask(url, "SELECT 1") == [1]


def test_what_a_killed_initialisation_left_is_thrown_away(data: Path) -> None:
    half = data / "postgres" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18")

    with serving(data) as (url, _):
        assert ask(url, "SELECT 1") == [1]


def test_a_command_gets_the_url_and_gives_the_exit_code(data: Path) -> None:
    done = subprocess.run(
        [SCRIPT, "postgres", "--data", data, "--ephemeral", "--", "sh", "-c", "echo $DATABASE_URL; exit 7"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    url, seen = done.stdout.splitlines()

    assert (done.returncode, seen) == (7, url)


def refused(data: Path, *more: str) -> tuple[int, str]:
    done = subprocess.run(
        [SCRIPT, "postgres", "--data", data, *more], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr.strip()


def test_a_command_that_does_not_exist_is_one_sentence(data: Path) -> None:
    assert refused(data, "--", "no-such-command") == (
        2,
        "knative-local: no-such-command: No such file or directory",
    )


def test_a_second_one_on_the_same_folder_is_refused(data: Path) -> None:
    with serving(data) as (url, _):
        assert refused(data) == (2, f"knative-local: {data / 'postgres'} is in use by another knative-local")
        assert ask(url, "SELECT 1") == [1]


def test_data_of_another_version_are_refused_and_not_touched(data: Path) -> None:
    old = data / "postgres" / "data"
    old.mkdir(parents=True)
    (old / "PG_VERSION").write_text("9\n")

    code, said = refused(data)

    assert code == 2
    assert "was written by PostgreSQL 9, this one is 18: start with --fresh" in said
    assert [entry.name for entry in old.iterdir()] == ["PG_VERSION"]
