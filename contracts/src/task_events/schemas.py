"""JSON Schemas per event type and one AsyncAPI document, generated from the structs.

`python -m task_events.schemas FOLDER` writes them; with `--check` it only says which are out of date.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from task_events.events import EventType, TaskEventData

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SUMMARIES = {
    EventType.CREATED: "A task came to be.",
    EventType.UPDATED: "A task changed, was reopened or restored.",
    EventType.COMPLETED: "A task was completed, whatever else the change edited.",
    EventType.DELETED: "A task was deleted; the payload is its last state.",
}
# What the Kafka binding of CloudEvents puts into record headers (binary mode).
HEADERS = {
    "ce_id": "the data's event_id",
    "ce_source": "/task-api",
    "ce_type": "the data's event_type",
    "ce_subject": "tasks/<task_id>",
    "ce_partitionkey": "the task id; also the record's key",
    "ce_sequence": "the task's version, 20 digits",
}


def urn(event_type: EventType) -> str:
    return f"urn:task-events:{event_type}:1"


def json_schema(event_type: EventType) -> dict[str, Any]:
    """The schema of `data`; unknown keys are allowed, because additions are compatible."""
    (reference,), components = msgspec.json.schema_components([TaskEventData], ref_template="#/$defs/{name}")
    data = components.pop("TaskEventData")
    components.pop("EventType")
    data["properties"]["event_type"] = {"const": str(event_type)}
    assert reference == {"$ref": "#/$defs/TaskEventData"}
    title = {"$schema": DIALECT, "$id": urn(event_type), "title": str(event_type)}
    return (
        title
        | {"description": SUMMARIES[event_type]}
        | _without(data, "title", "description")
        | {"$defs": components}
    )


def asyncapi() -> dict[str, Any]:
    """One channel per topic: the broker fills them through Triggers and KafkaSinks."""
    types = list(EventType)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Task events",
            "version": "1.0.0",
            "description": "Every committed change of a task, at least once, in order per task.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_key(kind): _channel(kind) for kind in types},
        "operations": {
            f"receive{_key(kind)}": {"action": "receive", "channel": {"$ref": f"#/channels/{_key(kind)}"}}
            for kind in types
        },
        "components": {"messages": {_key(kind): _message(kind) for kind in types}},
    }


def documents() -> Iterator[tuple[str, str]]:
    """Yield file name and text of every generated document."""
    for event_type in EventType:
        yield f"{event_type}.schema.json", _text(json_schema(event_type))
    yield "asyncapi.json", _text(asyncapi())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="task_events.schemas", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 when a file is out of date"
    )
    options = parser.parse_args(arguments)
    stale = [name for name, text in documents() if _read(options.folder / name) != text]
    if options.check:
        for name in stale:
            print(f"{options.folder / name} is out of date; run make render")
        return 1 if stale else 0
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents():
        (options.folder / name).write_text(text)
    return 0


def _channel(event_type: EventType) -> dict[str, Any]:
    key = _key(event_type)
    return {
        "address": str(event_type),
        "description": SUMMARIES[event_type],
        "messages": {key: {"$ref": f"#/components/messages/{key}"}},
    }


def _message(event_type: EventType) -> dict[str, Any]:
    headers = {name: {"type": "string", "description": text} for name, text in HEADERS.items()}
    return {
        "name": str(event_type),
        "summary": SUMMARIES[event_type],
        "contentType": "application/json",
        "headers": {"type": "object", "required": list(headers), "properties": headers},
        "payload": {"$ref": f"./{event_type}.schema.json"},
    }


def _key(event_type: EventType) -> str:
    return "".join(part.title() for part in event_type.split("."))


def _without(schema: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in keys}


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
