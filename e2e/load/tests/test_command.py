"""The command as `make load` calls it: what it refuses, and a load on a laptop of its own."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from e2e.load.__main__ import main
from e2e.load.errors import LoadError
from e2e.load.laptop import LaptopSampler
from e2e.load.ledger import Ledger
from e2e.load.tests.fake_cluster import fake_kubectl, revision
from e2e.load.tests.flaky_server import flaky_server
from e2e.systems.local import ROOT, LocalSystem, running

# Two requests in flight per pod, and no memory: a small load is enough, and it is over soon.
VALUES = [
    "taskApi.autoscaling.target=2",
    "taskApi.autoscaling.window=6s",
    "taskApi.autoscaling.scaleDownDelay=0s",
    "taskApi.autoscaling.maxScale=3",
]
TOKEN = "e30.eyJzdWIiOiAiYWxpY2UifQ."  # {"sub": "alice"}, not signed
AUTOSCALER = {"scale-to-zero-grace-period": "1s"}


def load(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "e2e.load", *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one sentence it ends with, and exit code 2."""

    def refused(*arguments: str | Path, **variables: str) -> str:
        try:
            code: object = main([str(argument) for argument in arguments], os.environ | variables)
        except SystemExit as ending:  # how argparse ends
            code = ending.code
        output, errors = capsys.readouterr()
        assert (code, output) == (2, "")
        return errors.splitlines()[-1]

    return refused


def test_without_hey_it_says_how_to_get_it(refusal: Callable[..., str], tmp_path: Path) -> None:
    assert refusal("--data", tmp_path, PATH=str(tmp_path)).startswith("load: hey is not installed: apt-get")


def test_without_a_system_it_says_how_to_start_one(refusal: Callable[..., str], tmp_path: Path) -> None:
    assert refusal("--data", tmp_path) == f"load: No system runs on {tmp_path}: start it with make run."


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--clients", "0"], "at least 1"),
        (["--duration", "0"], "more than 0"),
        (["--ramp", "nan"], "a number from 0"),
        (["--clients", "2", "--users", "3"], "no more than --clients"),
        (["--url", "https://api.example.com"], "for --system cluster"),
        (["--system", "cluster"], "needs --url"),
        (
            ["--system", "cluster", "--url", "http://127.0.0.1:1"],
            "needs TOKEN in the environment, or --issuer",
        ),
        (["--system", "cluster", "--url", "http://127.0.0.1:1", "--ca", "absent.pem"], "--ca absent.pem"),
        (["--system", "cluster", "--url", "http://x", "--issuer", "http://127.0.0.1:1"], "gave no token"),
    ],
)
def test_what_cannot_be_done_is_refused(
    refusal: Callable[..., str], arguments: list[str], sentence: str
) -> None:
    assert sentence in refusal(*arguments, TOKEN="")


def test_a_token_that_is_none_and_an_api_that_is_away_are_refused(refusal: Callable[..., str]) -> None:
    cluster = ["--system", "cluster", "--url", "http://127.0.0.1:1"]
    assert refusal(*cluster, TOKEN="secret").endswith("TOKEN is not a JSON Web Token with a subject")
    assert "does not answer" in refusal(*cluster, TOKEN=TOKEN)


def test_results_that_cannot_be_written_stop_it_before_the_load(
    refusal: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    assert "the results cannot be written" in refusal("--data", tmp_path, "--out", tmp_path / "file" / "out")


@pytest.fixture(scope="module")
def system(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[..., str]
) -> Iterator[LocalSystem]:
    folder = tmp_path_factory.mktemp("load")
    with running(LocalSystem(folder, new_database(), values=VALUES, autoscaler=AUTOSCALER)) as system:
        yield system


pytestmark = pytest.mark.xdist_group("load")  # one system for all of them


async def test_the_laptop_tells_replicas_and_lag(system: LocalSystem) -> None:
    async with httpx.AsyncClient() as client:
        state = await LaptopSampler(client, system.urls["status"]).state()

        assert state.lag == 0
        assert set(state.services) == {"task-api", "analytics"}
        assert state.services["task-api"].minimum == 1
        assert state.services["analytics"].minimum == 0
        assert state.services["task-api"].ready >= 1
        with pytest.raises(LoadError, match="does not answer"):
            await LaptopSampler(client, "http://127.0.0.1:1").state()


async def test_a_database_that_is_away_is_an_error() -> None:
    with pytest.raises(LoadError, match="the database cannot be asked"):
        await Ledger.open("postgresql://nobody@127.0.0.1:1/none", [])


def test_both_services_scale_up_and_back_without_an_error(system: LocalSystem, tmp_path: Path) -> None:
    done = load(
        *("--data", system.data, "--out", tmp_path, "--clients", "12", "--users", "2"),
        *("--duration", "5", "--ramp", "1", "--patience", "60"),
    )

    assert done.returncode == 0, done.stderr
    samples = list(csv.DictReader((tmp_path / "samples.csv").read_text().splitlines()))
    requests = list(csv.DictReader((tmp_path / "requests.csv").read_text().splitlines()))
    assert course(samples, "task-api") == (1, 3, 1)
    assert course(samples, "analytics")[0] == course(samples, "analytics")[2] == 0
    assert course(samples, "analytics")[1] >= 1
    assert {request["status-code"] for request in requests} == {"201"}
    assert len({request["user"] for request in requests}) == 2
    assert samples[-1]["counted"] == samples[-1]["acknowledged"] == str(len(requests))
    assert sum(int(sample["errors"]) for sample in samples) == 0
    assert f"{len(requests)} sent, 0 errors, {len(requests)} counted, task-api 1→3→1" in done.stdout
    assert 'make load ARGS="--clients 12' in (tmp_path / "load.svg").read_text()
    assert (tmp_path / "load.png").stat().st_size > 10_000


def test_a_load_with_errors_ends_with_1_and_says_which(tmp_path: Path) -> None:
    """The cluster is one that never changes, and its API one that fails on purpose."""
    kubectl = fake_kubectl(
        tmp_path,
        revision("task-api", {"actualScale": 1, "desiredScale": 1}, minimum="1"),
        revision("analytics", {"actualScale": 0, "desiredScale": 0}),
    )
    with flaky_server() as server:
        done = load(
            *("--system", "cluster", "--url", server.url.removesuffix("/v1/tasks"), "--out", tmp_path),
            *("--clients", "4", "--users", "1", "--rate", "40", "--duration", "1", "--ramp", "0"),
            PATH=f"{kubectl.parent}:{os.environ['PATH']}",
            TOKEN=TOKEN,
            DATABASE_URL="",
        )

    made = server.counted
    failed = made["503"] + made["no answer"]
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith(f"load: {failed} of {made.total()} requests failed (")
    assert f"{made.total()} sent, {failed} errors, not asked counted, task-api 1→1→1" in done.stdout
    samples = list(csv.DictReader((tmp_path / "samples.csv").read_text().splitlines()))
    assert sum(int(sample["errors"]) for sample in samples) == failed


def course(samples: list[dict[str, str]], service: str) -> tuple[int, int, int]:
    """First, most and last replicas."""
    ready = [int(sample[f"{service}-ready"]) for sample in samples]
    return ready[0], max(ready), ready[-1]
