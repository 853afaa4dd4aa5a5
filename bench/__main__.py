"""Measure, draw the table, and write it as JSON where `--out` says."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from bench import api, function, laptop
from bench.api import Bench
from bench.measure import Measure, table

# Each yields the measures it names, in the order of the table.
MEASUREMENTS: dict[str, Callable[[Bench, int], Iterator[Measure]]] = {
    "creates": api.creates,
    "reads": api.reads,
    "broker_dead": api.broker_dead,
    "relay": api.relay,
    "latency": api.latency,
    "analytics": function.rate,
    "cold_start": function.cold_start,
}


def main() -> int:
    """Exit with 1 when a gate is missed."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--out", type=Path, help="write {name: {ratio, min, max, baseline, unit}} here")
    parser.add_argument("--rounds", type=int, default=5, help="rounds per measurement (default 5)")
    parser.add_argument("--only", choices=[*MEASUREMENTS, "laptop"], nargs="+", help="measure only these")
    options = parser.parse_args()
    # A file or a pipe has no width of its own, and rich would take 80.
    console = Console(width=None if sys.stdout.isatty() else 130)
    measures = measure(console, options.only or [*MEASUREMENTS, "laptop"], options.rounds)
    console.print(table(measures))
    if options.out:
        document = {one.name: one.document() for one in measures}
        options.out.write_text(json.dumps(document, indent=2) + "\n")
    return 0 if all(one.holds for one in measures) else 1


def measure(console: Console, names: list[str], rounds: int) -> list[Measure]:
    measures: list[Measure] = []
    with ExitStack() as stack, console.status("starting") as status:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        bench = Bench(stack, folder) if set(names) & set(MEASUREMENTS) else None
        for name, measurement in MEASUREMENTS.items():
            if bench and name in names:
                status.update(f"measuring {name}, {rounds} rounds")
                measures += measurement(bench, rounds)
        if "laptop" in names:
            status.update("measuring make run")
            measures += laptop.start(rounds)
    return measures


if __name__ == "__main__":
    sys.exit(main())
