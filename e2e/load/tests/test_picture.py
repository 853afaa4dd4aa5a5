"""What the clients saw and what the system said, put together, written and drawn."""

from __future__ import annotations

import csv
import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from e2e.load import tables
from e2e.load.driving import Burst, Period
from e2e.load.hey import COLUMNS, Answer
from e2e.load.picture import Caption, draw
from e2e.load.sampling import Replicas, Sample, State
from e2e.load.timeline import Moment, moments, percentile

PERIODS = [Period("50%", 1.0, 2.0), Period("100%", 2.0, 4.0)]
LABELS = {
    "task-api ready",
    "task-api desired",
    "analytics ready",
    "analytics desired",
    "answers",
    "p50",
    "p95",
    "acknowledged,",
    "not counted yet",
    "in the outbox",
    "in the Broker",
    "(Trigger lag)",
}


def sample(at: float, *, counted: int | None = None, lag: int | None = 0) -> Sample:
    services = {"task-api": Replicas(1, 2, 1, 3.0), "analytics": Replicas(0, 0, 0)}
    return Sample(at, State(services, lag), None if counted is None else 5, counted)


def answer(started: float, seconds: float, status: int) -> Answer:
    return Answer(started, seconds, status, [str(seconds), *["0.0"] * 5, str(status), str(started)])


BURST = Burst(
    user="user-1",
    step="100%",
    started=2.0,
    ended=3.6,
    sent=5,
    answers=[answer(0.1, 0.1, 201), answer(0.2, 0.2, 201), answer(0.3, 0.3, 503), answer(1.2, 0.1, 201)],
)


@pytest.fixture
def found() -> list[Moment]:
    samples = [sample(at, counted=counted) for at, counted in ((1.5, 0), (2.5, 1), (3.0, 4), (4.5, 3))]
    return moments(samples, [BURST], PERIODS)


def test_a_moment_knows_the_second_before_it(found: list[Moment]) -> None:
    assert [moment.rate for moment in found] == [0, 2, 3, 0]
    assert [moment.p50 for moment in found] == [None, pytest.approx(0.15), pytest.approx(0.2), None]
    assert [moment.step for moment in found] == ["50%", "100%", "100%", ""]


def test_every_error_is_in_one_moment_and_one_without_an_answer_where_its_run_ended(
    found: list[Moment],
) -> None:
    assert [moment.errors for moment in found] == [0, 0, 1, 1]


def test_behind_is_what_was_acknowledged_and_is_not_counted(found: list[Moment]) -> None:
    assert [moment.acknowledged for moment in found] == [0, 2, 2, 3]
    assert [moment.behind for moment in found] == [0, 1, 0, 0]


def test_a_percentile_of_one_or_none_is_no_fault() -> None:
    assert percentile([], 95) is None
    assert percentile([0.3], 95) == 0.3
    assert percentile([float(number) for number in range(101)], 95) == 95


def test_the_tables_have_a_line_per_sample_and_per_answer(found: list[Moment], tmp_path: Path) -> None:
    tables.samples(tmp_path / "samples.csv", found)
    tables.requests(tmp_path / "requests.csv", [BURST])

    lines = list(csv.DictReader((tmp_path / "samples.csv").read_text().splitlines()))
    requests = list(csv.DictReader((tmp_path / "requests.csv").read_text().splitlines()))
    assert [line["errors"] for line in lines] == ["0", "0", "1", "1"]
    assert [line["task-api-desired"] for line in lines] == ["2"] * 4
    assert lines[0]["p50-seconds"] == ""
    assert [request["sent"] for request in requests] == ["2.1000", "2.2000", "2.3000", "3.2000"]
    assert set(COLUMNS) <= requests[0].keys()


def test_the_picture_is_a_png_and_an_svg_with_every_series(found: list[Moment], tmp_path: Path) -> None:
    png, svg = tmp_path / "load.png", tmp_path / "load.svg"

    draw(found, PERIODS, Caption("make load", "closed loop: ...", "5 sent, 2 errors"), [png, svg])

    data = png.read_bytes()
    width, height = struct.unpack(">II", data[16:24])
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert data.endswith(b"IEND\xaeB`\x82")
    assert min(width, height) > 800
    texts = words(svg)
    assert texts >= LABELS | {
        "errors (2)",
        "make load",
        "closed loop: ...",
        "5 sent, 2 errors",
        "50%",
        "100%",
    }
    assert texts >= {"replicas", "requests/s", "latency, ms", "events behind"}


def test_the_same_run_is_the_same_svg(found: list[Moment], tmp_path: Path) -> None:
    paths = [tmp_path / "one.svg", tmp_path / "other.svg"]
    for path in paths:
        draw(found, PERIODS, Caption("make load", "", ""), [path])

    assert paths[0].read_text() == paths[1].read_text()


def test_what_a_system_does_not_tell_is_said_in_the_picture(tmp_path: Path) -> None:
    found = moments([sample(1.5, lag=None), sample(2.5, lag=None)], [BURST], PERIODS)

    draw(found, PERIODS, Caption("make load", "", ""), [tmp_path / "load.svg"])

    assert "(Trigger lag): not told" in words(tmp_path / "load.svg")


def words(svg: Path) -> set[str]:
    """Every text in the picture."""
    tree = ET.parse(svg)
    return {"".join(text.itertext()) for text in tree.iter("{http://www.w3.org/2000/svg}text")}
