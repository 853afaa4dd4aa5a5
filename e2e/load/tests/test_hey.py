"""hey itself, and what it wrote once: `hey -n 40 -c 4 -m POST ...` against a server like the flaky one here."""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.load import hey
from e2e.load.driving import Driver
from e2e.load.errors import LoadError
from e2e.load.plan import Load, Step, steps
from e2e.load.tests.flaky_server import FlakyServer, flaky_server

RECORDED = Path(__file__).parent / "recorded"


@pytest.fixture
def server() -> Iterator[FlakyServer]:
    with flaky_server() as server:
        yield server


def driver(*urls: str) -> Driver:
    targets = {f"user-{number}": hey.Target(url, f"token-{number}") for number, url in enumerate(urls)}
    return Driver(hey.find(), targets, time.monotonic)


def test_a_recorded_csv_is_read_line_by_line() -> None:
    answers = hey.parse((RECORDED / "mixed.csv").read_text())

    assert Counter(answer.status for answer in answers) == {201: 30, 503: 6}
    assert answers[0][:3] == (0.2006, 0.0023, 201)
    assert answers[0].columns[4] == "0.0011"


def test_what_is_missing_from_the_csv_is_what_the_summary_calls_errors() -> None:
    """The two are of two runs: hey writes one or the other."""
    (errors,) = re.findall(r"Error distribution:\n +\[(\d+)\]", (RECORDED / "summary.txt").read_text())

    assert 40 - len(hey.parse((RECORDED / "mixed.csv").read_text())) == int(errors)


@pytest.mark.parametrize("text", ["", "Summary:\n  Total: 1 secs\n", "response-time,offset\n0.1,0.2\n"])
def test_what_is_no_csv_of_hey_is_refused(text: str) -> None:
    with pytest.raises(LoadError, match="hey wrote no CSV"):
        hey.parse(text)


def test_where_hey_is_missing_one_sentence_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="apt-get install hey"):
        hey.find(str(tmp_path))


@pytest.mark.parametrize("rate", [None, 100.0])
async def test_every_error_is_counted_that_the_server_made(server: FlakyServer, rate: float | None) -> None:
    load = driver(server.url, server.url)

    await load.run(Step("100%", 1.0, 8, rate))

    made = server.counted
    assert made["no answer"] > 0
    assert load.errors == {"503": made["503"], "no answer": made["no answer"]}
    assert load.acknowledged == made["201"]
    assert load.sent == made.total()
    assert server.tokens == {"Bearer token-0", "Bearer token-1"}


async def test_requests_that_are_refused_are_errors() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        load = driver(f"http://127.0.0.1:{free.getsockname()[1]}/")

        await load.run(Step("100%", 0.3, 2, None))

    assert load.errors == {"no answer": load.sent}
    assert load.sent > 0


async def test_a_redirect_is_an_error() -> None:
    assert "-disable-redirects" in hey.command("hey", hey.Target("http://x", "t"), hey.Size(2, 4))
    assert not hey.Answer(0, 0, 308, []).succeeded


async def test_a_paced_load_sends_what_its_rate_says(server: FlakyServer) -> None:
    load = driver(server.url)

    await load.run(Step("100%", 2.0, 4, 40.0))

    # Whole requests per client; a run that ends early is followed by a short one.
    assert 80 <= load.sent <= 100


def test_a_load_goes_up_in_steps_and_every_user_has_a_client() -> None:
    load = Load(clients=10, seconds=30, ramp_seconds=5, rate=100, users=4)

    assert list(steps(load)) == [
        ("25%", 5, 4, 25),
        ("50%", 5, 5, 50),
        ("75%", 5, 8, 75),
        ("100%", 30, 10, 100),
    ]
    assert [step.name for step in steps(load._replace(ramp_seconds=0))] == ["100%"]
