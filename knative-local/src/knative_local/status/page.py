"""The status page: one HTML document without scripts or other files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from knative_local.status.snapshot import Snapshot

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>knative-local</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884 }
td.number { text-align: right; font-variant-numeric: tabular-nums }
</style></head><body><h1>knative-local</h1>
"""


def render(snapshot: Snapshot) -> str:
    down = "" if snapshot.broker_is_up else "<p>The broker process is down.</p>"
    parts = [_HEAD, "<h2>Services</h2>", _services(snapshot)]
    parts += ["<h2>Brokers</h2>", down, _brokers(snapshot), "<h2>Triggers</h2>", _triggers(snapshot)]
    parts += ["<h2>Topics</h2>", _topics(snapshot), "</body></html>"]
    return "\n".join(parts)


def _services(snapshot: Snapshot) -> str:
    header = (
        "service",
        "URL",
        "desired",
        "ready",
        "starting",
        "draining",
        "concurrency",
        "waiting",
        "restarts",
    )
    rows = [
        (
            service.name,
            _Link(service.url, service.url) if service.url else "",
            service.desired,
            service.ready,
            service.starting,
            service.draining,
            service.concurrency,
            service.waiting,
            service.restarts,
        )
        for service in snapshot.services
    ]
    return _table(header, rows)


def _brokers(snapshot: Snapshot) -> str:
    rows = [(broker["name"], broker["topic"], broker["records"]) for broker in snapshot.brokers]
    return _table(("broker", "topic", "records"), rows)


def _triggers(snapshot: Snapshot) -> str:
    """The columns after the lag are whatever the broker process counts."""
    counted = sorted({name for trigger in snapshot.triggers for name in trigger["counts"]})
    header = ("trigger", "broker", "lag", *(name.replace("_", " ") for name in counted))
    rows = [
        (trigger["name"], trigger["broker"], trigger["lag"], *(trigger["counts"][name] for name in counted))
        for trigger in snapshot.triggers
    ]
    return _table(header, rows)


def _topics(snapshot: Snapshot) -> str:
    header = ("topic", "partitions", "records")
    rows = [
        (_Link(topic["name"], f"/api/topics/{topic['name']}/records"), topic["partitions"], topic["records"])
        for topic in snapshot.topics
    ]
    return _table(header, rows)


class _Link:
    def __init__(self, text: str, url: str) -> None:
        self.html = f'<a href="{escape(url)}">{escape(text)}</a>'


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["<table><thead><tr>", *(f"<th>{escape(name)}</th>" for name in header), "</tr></thead><tbody>"]
    for row in rows:
        lines += ["<tr>", *(_cell(value) for value in row), "</tr>"]
    return "".join([*lines, "</tbody></table>"])


def _cell(value: object) -> str:
    if isinstance(value, _Link):
        return f"<td>{value.html}</td>"
    if value is None:
        return "<td>?</td>"
    return f'<td class="number">{value}</td>' if isinstance(value, int) else f"<td>{escape(str(value))}</td>"
