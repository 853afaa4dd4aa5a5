from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest

from knative_local.broker.schema import FILE
from knative_local.contract import Contract, Ping, Trigger, write

from .process import SCRIPT, process, spawn
from .subscriber import DEADLINE_SECONDS
from .system import contract


async def refused(folder: Path, wanted: Contract, data: Path | None = None) -> tuple[int, str]:
    """Exit code and what was printed."""
    child = await spawn(folder, data or folder / "data", wanted)
    return await ended(child)


async def ended(child: asyncio.subprocess.Process) -> tuple[int, str]:
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            _, said = await child.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
    assert child.returncode is not None
    return child.returncode, said.decode()


BAD: dict[str, tuple[Contract, str]] = {
    "broker": (
        Contract(triggers=[Trigger("t", "shop", "gone", "http://127.0.0.1:9", "s")]),
        "Trigger shop/t: there is no Broker 'gone'",
    ),
    "schedule": (
        Contract(pings=[Ping("p", "shop", "every day", "http://127.0.0.1:9")]),
        "PingSource shop/p: schedule 'every day' is not a cron line of five fields",
    ),
    "seconds": (
        Contract(pings=[Ping("p", "shop", "* * * * * *", "http://127.0.0.1:9")]),
        "PingSource shop/p: schedule '* * * * * *' is not a cron line of five fields",
    ),
    "never": (
        Contract(pings=[Ping("p", "shop", "0 0 31 2 *", "http://127.0.0.1:9")]),
        "PingSource shop/p: schedule '0 0 31 2 *' is not a cron line of five fields",
    ),
    "zone": (
        Contract(pings=[Ping("p", "shop", "* * * * *", "http://127.0.0.1:9", timezone="Mars/Base")]),
        "PingSource shop/p: 'Mars/Base' is not a time zone",
    ),
}


@pytest.mark.parametrize(("wanted", "why"), BAD.values(), ids=BAD.keys())
async def test_a_contract_that_makes_no_sense_is_refused_with_one_sentence(
    wanted: Contract, why: str, tmp_path: Path
) -> None:
    code, said = await refused(tmp_path, wanted)
    assert (code, said) == (2, f"knative-local: {why}\n")


@pytest.mark.parametrize("text", ["{", '{"brokers": [{"name": 7}]}', "\xff"])
async def test_a_file_that_is_no_contract_is_refused(text: str, tmp_path: Path) -> None:
    given = tmp_path / "contract.json"
    given.write_text(text, encoding="latin-1")
    child = await asyncio.create_subprocess_exec(
        *(SCRIPT, "broker", "--contract", given, "--data", tmp_path, "--port", "0"),
        stderr=asyncio.subprocess.PIPE,
    )
    code, said = await ended(child)
    assert code == 2
    assert said.startswith(f"knative-local: {given} is not a contract: ")
    assert said.count("\n") == 1


async def test_a_log_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FILE).write_bytes(b"x" * 10_000)
    code, said = await refused(tmp_path, contract())
    assert code == 1
    assert said == f"knative-local: {tmp_path / 'data'}: the log cannot be opened: file is not a database\n"


async def test_a_folder_has_one_broker(tmp_path: Path) -> None:
    async with process(tmp_path, contract()):
        code, said = await refused(tmp_path, contract())
    assert (code, said) == (2, f"knative-local: {tmp_path / 'data'} is in use by another knative-local\n")


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    write(contract(), tmp_path / "file")
    data = tmp_path / "file" / "data"
    code, said = await refused(tmp_path, contract(), data)
    assert (code, said) == (2, f"knative-local: {data} cannot be used: Not a directory\n")


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        write(contract(), tmp_path / "contract.json")
        child = await asyncio.create_subprocess_exec(
            *(SCRIPT, "broker", "--contract", tmp_path / "contract.json"),
            *("--data", tmp_path / "data", "--port", str(port)),
            stderr=asyncio.subprocess.PIPE,
        )
        code, said = await ended(child)
    assert code == 2
    assert said.startswith(f"knative-local: 127.0.0.1:{port} cannot be listened on: ")
