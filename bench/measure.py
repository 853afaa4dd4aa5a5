"""What a measurement is: a value and its baseline, round by round, and how it is shown."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table


@dataclass
class Measure:
    """`gate` and `aim` are bounds on the ratio, with the side that is good: `<=` or `>=`."""

    name: str
    what: str
    unit: str
    gate: str
    aim: str
    rounds: list[tuple[float, float | None]] = field(default_factory=list)

    def add(self, value: float, baseline: float | None = None) -> None:
        self.rounds.append((value, baseline))

    @property
    def ratios(self) -> list[float]:
        return [value if baseline is None else value / baseline for value, baseline in self.rounds]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def baseline(self) -> float | None:
        known = [baseline for _, baseline in self.rounds if baseline is not None]
        return statistics.median(known) if known else None

    @property
    def holds(self) -> bool:
        side, bound = self.gate.split()
        return self.ratio <= float(bound) if side == "<=" else self.ratio >= float(bound)

    def document(self) -> dict[str, Any]:
        return {
            "ratio": self.ratio,
            "min": min(self.ratios),
            "max": max(self.ratios),
            "baseline": self.baseline,
            "unit": self.unit,
        }


def table(measures: list[Measure]) -> Table:
    drawn = Table(title="Ratios to baselines of the same run (median of the rounds)")
    # Whole names where the terminal is narrow: the descriptions give way.
    for heading in ("name", "what", "ratio", "min-max", "gate", "aim", "baseline", ""):
        left = heading in {"name", "what", ""}
        drawn.add_column(heading, justify="left" if left else "right", no_wrap=heading != "what")
    for one in measures:
        spread = f"{min(one.ratios):.2f}-{max(one.ratios):.2f}"
        baseline = "" if one.baseline is None else f"{one.baseline:.4g} {one.unit}"
        verdict = "[green]holds[/]" if one.holds else "[red]missed[/]"
        drawn.add_row(one.name, one.what, f"{one.ratio:.2f}", spread, one.gate, one.aim, baseline, verdict)
    return drawn
