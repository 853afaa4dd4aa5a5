from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from knative_local.process_table import is_alive
from knative_local.processes.roster import Roster


@pytest.fixture
def roster(tmp_path: Path) -> Roster:
    return Roster(tmp_path)


def left_over(roster: Roster, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """A process that an earlier run recorded."""
    process = subprocess.Popen(["sleep", "60"], env=os.environ | environment)
    roster.add("sleeper", process.pid)
    return process


def test_what_an_earlier_run_left_is_killed(roster: Roster, tmp_path: Path) -> None:
    with left_over(roster, roster.marker) as process:
        Roster(tmp_path).end_left_over()

        assert process.wait(10) == -9


def test_a_stranger_who_has_the_number_by_now_is_left_alone(roster: Roster, tmp_path: Path) -> None:
    with left_over(roster, {"KNATIVE_LOCAL_DATA": "/elsewhere"}) as process:
        Roster(tmp_path).end_left_over()

        assert is_alive(process.pid)
        process.kill()


@pytest.mark.parametrize("content", ["", "[]", '{"a": ["b"]}', '{"a": [999999999]}'])
def test_a_record_that_makes_no_sense_is_ignored(tmp_path: Path, content: str) -> None:
    (tmp_path / "processes.json").write_text(content)

    Roster(tmp_path).end_left_over()

    assert (tmp_path / "processes.json").read_text() == content


def test_who_comes_and_goes_is_told(roster: Roster) -> None:
    seen = []
    roster.changed = lambda: seen.append(roster.pids)
    roster.add("api", 1)
    roster.add("api", 2)
    roster.remove("api", 1)
    roster.remove("api", 2)

    assert seen == [{"api": [1]}, {"api": [1, 2]}, {"api": [2]}, {}]


def test_what_the_disk_refuses_is_remembered_and_saved_later(roster: Roster, tmp_path: Path) -> None:
    obstacle = tmp_path / "processes.tmp"
    obstacle.mkdir()
    roster.add("api", 7)
    with pytest.raises(OSError, match="directory"):
        roster.save()
    obstacle.rmdir()
    roster.save()

    assert roster.pids == {"api": [7]}
    assert (tmp_path / "processes.json").read_text() == '{"api":[7]}'
