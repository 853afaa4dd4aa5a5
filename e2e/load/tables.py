"""Both tables: one line per sample, and hey's own lines with the user, the step and one clock."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from e2e.load.driving import Burst
from e2e.load.hey import COLUMNS
from e2e.load.sampling import SERVICES
from e2e.load.timeline import Moment

OF_A_SERVICE = ("ready", "desired", "minimum", "concurrency")
OF_A_MOMENT = (
    "outbox",
    "trigger-lag",
    "counted",
    "acknowledged",
    "behind",
    "requests-per-second",
    "p50-seconds",
    "p95-seconds",
    "errors",
)


def samples(path: Path, moments: Iterable[Moment]) -> None:
    services = [f"{service}-{name}" for service in SERVICES for name in OF_A_SERVICE]
    _write(path, ["seconds", "step", *services, *OF_A_MOMENT], map(_line, moments))


def requests(path: Path, bursts: Iterable[Burst]) -> None:
    """`sent` is the time on the clock of the samples; hey's offset counts from the start of one of its runs."""
    lines = (
        [burst.user, burst.step, f"{burst.started + answer.started:.4f}", *answer.columns]
        for burst in bursts
        for answer in burst.answers
    )
    _write(path, ["user", "step", "sent", *COLUMNS], lines)


def _line(moment: Moment) -> list[object]:
    sample = moment.sample
    services = sample.state.services
    replicas: list[object] = [getattr(services[name], field) for name in SERVICES for field in OF_A_SERVICE]
    backlog = [sample.outbox, sample.state.lag, sample.counted, moment.acknowledged, moment.behind]
    seen = [f"{moment.rate:.1f}", _seconds(moment.p50), _seconds(moment.p95), moment.errors]
    return [f"{sample.at:.2f}", moment.step, *replicas, *backlog, *seen]


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _write(path: Path, header: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(lines)
