from __future__ import annotations

from pathlib import Path

from knative_local.processes.logs import LogFolder


def test_a_log_that_is_too_long_moves_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    logs = LogFolder(tmp_path)
    with logs.open("api") as writer:
        writer.write(b"x" * 1000)
        writer.flush()
        logs.rotate(largest=500)
        writer.write(b"after")

    assert logs.path("api").read_text() == "after"
    assert (tmp_path / "api.log.1").stat().st_size == 1000


def test_the_tail_is_the_last_lines_as_one(tmp_path: Path) -> None:
    logs = LogFolder(tmp_path)
    with logs.open("api") as writer:
        writer.write(b"".join(b"line %d\n" % number for number in range(1000)))

    assert logs.tail("api", 2) == "line 998 / line 999"
    assert logs.tail("unknown") == ""
