from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from task_events import EVENT_TYPES, schemas

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "contracts" / "schemas"


def test_the_committed_documents_are_the_generated_ones() -> None:
    assert {path.name: path.read_text() for path in FOLDER.iterdir()} == dict(schemas.documents())


def test_check_fails_on_a_stale_document(tmp_path: Path) -> None:
    schemas.main([str(tmp_path)])
    (tmp_path / "asyncapi.json").write_text("{}")

    assert schemas.main([str(tmp_path), "--check"]) == 1


def test_the_asyncapi_document_names_every_type_and_an_existing_schema() -> None:
    document = schemas.asyncapi()

    assert tuple(channel["address"] for channel in document["channels"].values()) == EVENT_TYPES
    for message in document["components"]["messages"].values():
        jsonschema.Draft202012Validator.check_schema(
            json.loads((FOLDER / message["payload"]["$ref"]).read_text())
        )


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def _released() -> str:
    """The last tag, or the first commit while there is no release."""
    tags = _git("tag", "--list", "v*", "--sort=-version:refname").split()
    return tags[0] if tags else _git("rev-list", "--max-parents=0", "HEAD").split()[0]


def incompatibilities(old: Any, new: Any, path: str = "$") -> Iterator[str]:
    """What a reader of the old schema could stumble over: yield a sentence for each."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield f"{path} changed from {old!r} to {new!r}"
        return
    for key, value in old.items():
        if key in {"title", "description", "default"} and not isinstance(value, dict):
            continue
        if key == "required":
            yield from (
                f"{path} no longer always has {name!r}" for name in sorted(set(value) - set(new.get(key, [])))
            )
        elif key not in new:
            yield f"{path}.{key} is gone"
        else:
            yield from incompatibilities(value, new[key], f"{path}.{key}")


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_the_schema_only_adds_to_the_released_one(event_type: str) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: there is no release to compare with")
    released = json.loads(_git("show", f"{_released()}:contracts/schemas/{event_type}.schema.json"))
    current = json.loads((FOLDER / f"{event_type}.schema.json").read_text())

    assert list(incompatibilities(released, current)) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda task: task["properties"].pop("notes"),
        lambda task: task["properties"]["title"].update(type="integer"),
        lambda task: task["required"].remove("title"),
    ],
)
def test_a_removal_or_a_new_meaning_is_noticed(change: Any) -> None:
    old = json.loads((FOLDER / "task.created.schema.json").read_text())
    new = json.loads(json.dumps(old))
    change(new["$defs"]["Task"])

    assert len(list(incompatibilities(old, new))) == 1


def test_a_new_key_is_compatible() -> None:
    old = json.loads((FOLDER / "task.created.schema.json").read_text())
    new = json.loads(json.dumps(old))
    new["$defs"]["Task"]["properties"]["colour"] = {"type": "string"}

    assert list(incompatibilities(old, new)) == []
