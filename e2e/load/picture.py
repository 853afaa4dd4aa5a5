"""Four panels on one time axis: replicas, requests per second, latency, events behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from e2e.load.driving import Period
from e2e.load.timeline import Moment

# Okabe and Ito's colours: told apart by everybody, and here by their dashes too.
BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#555555"
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: small, and found by a search
    "svg.hashsalt": "load",  # the same run is the same file
}


class Caption(NamedTuple):
    """`loop` says what latency means in this run, `result` what came of it."""

    command: str
    loop: str
    result: str


def draw(
    moments: Sequence[Moment], periods: Sequence[Period], caption: Caption, paths: Iterable[Path]
) -> None:
    """Write one picture in as many formats as there are paths."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(11, 9), layout="constrained")
        axes: list[Axes] = list(figure.subplots(4, 1, sharex=True, height_ratios=[1.25, 1, 1, 1.1]))
        for panel, axis in zip((_replicas, _rate, _latency, _behind), axes, strict=True):
            panel(axis, moments)
            _finish(axis, periods)
        _name_steps(axes[0], periods)
        figure.align_ylabels(axes)
        axes[-1].set_xlabel("seconds")
        axes[-1].set_xlim(moments[0].sample.at, moments[-1].sample.at)
        figure.suptitle(caption.command, family="monospace", fontsize=10, fontweight="bold")
        figure.supxlabel(f"{caption.loop}\n{caption.result}", fontsize=8, color=GREY)
        for path in paths:
            figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)


def _times(moments: Sequence[Moment]) -> list[float]:
    return [moment.sample.at for moment in moments]


def _replicas(axis: Axes, moments: Sequence[Moment]) -> None:
    for name, colour in (("task-api", BLUE), ("analytics", ORANGE)):
        found = [moment.sample.state.services[name] for moment in moments]
        ready, desired = [one.ready for one in found], [one.desired for one in found]
        axis.step(
            _times(moments), ready, where="post", color=colour, alpha=0.4, label=f"{name} ready", linewidth=5
        )
        style: dict[str, Any] = {"color": colour, "linestyle": (0, (3, 1)), "linewidth": 1.4}
        axis.step(_times(moments), desired, where="post", label=f"{name} desired", **style)
    axis.set_ylabel("replicas")
    axis.set_ylim(bottom=-0.15)
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))


def _rate(axis: Axes, moments: Sequence[Moment]) -> None:
    axis.plot(_times(moments), [moment.rate for moment in moments], color=BLUE, label="answers")
    failed = [moment for moment in moments if moment.errors]
    label = f"errors ({sum(moment.errors for moment in failed)})"
    axis.plot(_times(failed), [moment.errors for moment in failed], "x", color=RED, label=label)
    axis.set_ylabel("requests/s")
    axis.set_ylim(bottom=0)


def _latency(axis: Axes, moments: Sequence[Moment]) -> None:
    p50, p95 = [moment.p50 for moment in moments], [moment.p95 for moment in moments]
    axis.plot(_times(moments), _milliseconds(p95), color=ORANGE, label="p95", linestyle=(0, (4, 1)))
    axis.plot(_times(moments), _milliseconds(p50), color=BLUE, label="p50")
    axis.set_ylabel("latency, ms")
    axis.set_ylim(bottom=0)


def _behind(axis: Axes, moments: Sequence[Moment]) -> None:
    samples = [moment.sample for moment in moments]
    lines = (
        ("acknowledged,\nnot counted yet", [moment.behind for moment in moments], BLUE, "solid"),
        ("in the outbox", [sample.outbox for sample in samples], ORANGE, (0, (4, 1))),
        ("in the Broker\n(Trigger lag)", [sample.state.lag for sample in samples], GREEN, (0, (1, 1))),
    )
    for label, values, colour, style in lines:
        known = [float("nan") if value is None else value for value in values]
        told = label if any(value is not None for value in values) else f"{label}: not told"
        axis.plot(_times(moments), known, color=colour, linestyle=style, label=told)
    axis.set_ylabel("events behind")
    axis.set_ylim(bottom=0)


def _milliseconds(values: Iterable[float | None]) -> list[float]:
    return [float("nan") if value is None else 1000 * value for value in values]


def _finish(axis: Axes, periods: Sequence[Period]) -> None:
    for number, period in enumerate(periods):
        axis.axvspan(period.started, period.ended, color=GREY, alpha=0.05 + 0.025 * number, linewidth=0)
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)  # beside the lines, never over them


def _name_steps(axis: Axes, periods: Sequence[Period]) -> None:
    """Above the first panel: how much of the load is on."""
    place: dict[str, Any] = {
        "transform": axis.get_xaxis_transform(),
        "ha": "center",
        "va": "bottom",
        "fontsize": 8,
    }
    for period in periods:
        axis.text((period.started + period.ended) / 2, 1.01, period.step, color=GREY, **place)
