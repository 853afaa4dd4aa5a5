"""The command: exit code 0 when nothing failed, 1 when something did, 2 when there was no load."""

from __future__ import annotations

import argparse
import asyncio
import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from e2e.load import hey, options, tables
from e2e.load.driving import Driver
from e2e.load.errors import LoadError
from e2e.load.experiment import Experiment, at_rest
from e2e.load.picture import Caption, draw
from e2e.load.systems import found
from e2e.load.timeline import Moment
from e2e.load.watching import Watch

# Whose values say nothing about the load.
UNSAID = {"--data", "--out"}


def main(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    """Return the exit code."""
    chosen = options.read(arguments)
    try:
        return asyncio.run(_run(chosen, _command(arguments), variables))
    except LoadError as error:
        print(f"load: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


async def _run(chosen: argparse.Namespace, command: str, variables: Mapping[str, str]) -> int:
    program = hey.find(variables.get("PATH"))
    folder = _folder(chosen.out or chosen.data / "load")
    load = options.load(chosen)
    start = time.monotonic()
    async with found(chosen, variables) as system:
        watch = Watch(system.sampler, system.ledger, lambda: time.monotonic() - start)
        await at_rest(watch, chosen.patience)
        start = time.monotonic()
        experiment = Experiment(
            load, Driver(program, system.targets, watch.clock), watch, patience=chosen.patience
        )
        moments = await experiment.run()
    _write(folder, experiment, moments, Caption(command, load.loop, experiment.result()))
    faults = list(experiment.faults())
    for fault in faults:
        print(f"load: {fault}", file=sys.stderr)
    return 1 if faults else 0


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LoadError(f"the results cannot be written: {error}") from None
    return path


def _write(folder: Path, experiment: Experiment, moments: Sequence[Moment], caption: Caption) -> None:
    tables.samples(folder / "samples.csv", moments)
    tables.requests(folder / "requests.csv", experiment.driver.bursts)
    draw(moments, experiment.driver.periods, caption, [folder / "load.png", folder / "load.svg"])
    print(f"{caption.result}\n{folder}: samples.csv, requests.csv, load.png, load.svg")


def _command(arguments: Sequence[str]) -> str:
    """As it was called, without where the files are."""
    said = [
        argument
        for before, argument in zip(["", *arguments], arguments, strict=False)
        if argument not in UNSAID and before not in UNSAID
    ]
    return f'make load ARGS="{shlex.join(said)}"' if said else "make load"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
