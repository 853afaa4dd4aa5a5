from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from joserfc import jws

from .conftest import Running

Run = Callable[..., subprocess.CompletedProcess[str]]


def claims_of(token: str) -> dict[str, object]:
    payload = json.loads(jws.extract_compact(token.strip().encode()).payload)
    assert isinstance(payload, dict)
    return payload


def system_file(folder: Path, content: object) -> Path:
    path = folder / "system.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_token_prints_a_token_of_the_running_system(issuer: Running, dev_issuer: Run, tmp_path: Path) -> None:
    system = system_file(tmp_path, {"urls": {"issuer": issuer.url}})
    done = dev_issuer("token", "--system", system, "--role", "operator", "--role", "x", "alice")
    assert done.returncode == 0, done.stderr
    assert claims_of(done.stdout)["sub"] == "alice"
    assert claims_of(done.stdout)["roles"] == ["operator", "x"]


def test_token_asks_the_issuer_it_is_given(issuer: Running, dev_issuer: Run) -> None:
    done = dev_issuer("token", "--issuer", issuer.url, "alice smith & sons")
    assert claims_of(done.stdout)["sub"] == "alice smith & sons"


def test_token_looks_in_the_data_folder_of_the_environment(
    issuer: Running, dev_issuer: Run, tmp_path: Path
) -> None:
    system_file(tmp_path, {"urls": {"issuer": issuer.url}})
    done = dev_issuer("token", "alice", LOCAL_DATA=str(tmp_path))
    assert claims_of(done.stdout)["sub"] == "alice"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--system", "missing/system.json", "alice"],
            "No system is running: there is no missing/system.json",
        ),
        (["--issuer", "http://127.0.0.1:1", ""], "The user id is empty"),
        (["--issuer", "http://127.0.0.1:1", "zoë"], "printable ASCII"),
        (["--issuer", "ftp://127.0.0.1", "alice"], "not an http address"),
        (["--issuer", "nonsense", "alice"], "not an http address"),
    ],
)
def test_token_fails_with_one_sentence(dev_issuer: Run, arguments: list[str], sentence: str) -> None:
    done = dev_issuer("token", *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize("content", ["not json", "[]", {"urls": {}}])
def test_a_system_file_without_an_issuer_is_named(dev_issuer: Run, tmp_path: Path, content: object) -> None:
    done = dev_issuer("token", "--system", system_file(tmp_path, content), "alice")
    assert (done.returncode, "does not name an issuer" in done.stderr) == (2, True)


def test_a_system_that_died_is_said_not_to_answer(dev_issuer: Run, tmp_path: Path) -> None:
    with socket.socket() as held:  # bound and not listening: whoever connects is refused
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        done = dev_issuer("token", "--system", system_file(tmp_path, {"urls": {"issuer": url}}), "alice")
    assert done.returncode == 2
    assert f"No issuer answers at {url}" in done.stderr


def test_a_port_in_use_is_one_sentence(dev_issuer: Run, issuer: Running, tmp_path: Path) -> None:
    done = dev_issuer("serve", "--data", tmp_path, "--port", issuer.url.rpartition(":")[2])
    assert done.returncode == 2
    assert done.stderr.startswith("dev-issuer: Cannot listen on 127.0.0.1:")


@pytest.mark.parametrize("content", ["", "{}", '{"kty": "RSA", "n": "AQ", "e": "AQAB"}', '{"kty": "oct"}'])
def test_a_damaged_key_is_named_and_not_replaced(dev_issuer: Run, tmp_path: Path, content: str) -> None:
    file = tmp_path / "signing-key.json"
    file.write_text(content)
    done = dev_issuer("serve", "--data", tmp_path)
    assert done.returncode == 2
    assert str(file) in done.stderr
    assert file.read_text() == content


def test_a_data_folder_that_is_a_file_is_one_sentence(dev_issuer: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = dev_issuer("serve", "--data", tmp_path / "file")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
