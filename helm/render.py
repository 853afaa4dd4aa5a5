"""Writes what is rendered from helm/task-system: its values schema, knative/ and eventing/.

The chart is the one place where an object of the application is written by hand. The rendered files are
what `knative-local` runs, `kubectl apply -f` applies and people read.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from helm_python import Chart
from helm_python.errors import HelmError

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "helm" / "task-system"
HEADER = '# Rendered from helm/task-system by "make render". Edit the template.\n'
RELEASE = NAMESPACE = "task-system"
# Folder of the template -> folder of the rendered file.
FOLDERS = {"knative": "knative", "jobs": "knative", "eventing": "eventing"}


class RenderError(Exception):
    """Its text is one sentence for the person at the keyboard."""


# --- objects ---------------------------------------------------------------------------------------------


def render(values: dict[str, Any] | None = None, *, helm_labels: bool = False) -> dict[str, str]:
    """Path in the checkout -> text, for every object these values render.

    The header stands inside the document, not before a `---`: kn reads only the first document of a file.
    """
    objects = templates({**(values or {}), "helmLabels": helm_labels})
    return {_path(name): HEADER + text for name, text in objects.items() if _is_object(name, text)}


def templates(values: dict[str, Any] | None = None) -> dict[str, str]:
    """Template path -> text, exactly as Helm renders it, notes included."""
    try:
        with Chart.load(CHART) as chart:
            rendered = chart.render(values or {}, name=RELEASE, namespace=NAMESPACE)
    except HelmError as error:
        raise RenderError(_sentence(str(error))) from error
    return {name.partition("/templates/")[2]: text for name, text in rendered.items()}


def _is_object(name: str, text: str) -> bool:
    return name.partition("/")[0] in FOLDERS and bool(text.strip())


def _path(name: str) -> str:
    folder, _, file = name.partition("/")
    return f"{FOLDERS[folder]}/{file}"


def _sentence(message: str) -> str:
    """The chart's own words, without the call stack of templates in front of them."""
    if "specifications of the schema" in message:
        return "values: " + "; ".join(re.findall(r"^- (.*)$", message, re.MULTILINE))
    return re.sub(r"^execution error at \(.*?\): ", "", message.strip())


# --- schema ----------------------------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    """JSON Schema of the values: keys and types from values.yaml, constraints from its @schema lines."""
    text = (CHART / "values.yaml").read_text()
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$comment": 'Generated from values.yaml by "make render".',
        "title": "Values of the task system",
        **_object(root, text.splitlines()),
    }


def _object(node: yaml.MappingNode, lines: list[str]) -> dict[str, Any]:
    properties = {key.value: _property(key, value, lines) for key, value in node.value}
    # Required, although values.yaml has them all: `null` in an environment would remove one.
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _property(key: yaml.ScalarNode, value: yaml.Node, lines: list[str]) -> dict[str, Any]:
    description, constraint = _comment_above(key, lines)
    if isinstance(value, yaml.MappingNode):
        return {"description": description, **_object(value, lines), **constraint}
    kind = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "seq": "array"}
    return {"description": description, "type": kind[value.tag.rpartition(":")[2]], **constraint}


def _comment_above(key: yaml.ScalarNode, lines: list[str]) -> tuple[str, dict[str, Any]]:
    words: list[str] = []
    constraint: dict[str, Any] = {}
    line = key.start_mark.line - 1
    while lines[line].lstrip().startswith("#"):
        comment = lines[line].strip(" #")
        if comment.startswith("@schema "):
            constraint = yaml.safe_load(comment.removeprefix("@schema "))
        else:
            words.insert(0, comment)
        line -= 1
    if not words:
        raise RenderError(f"values.yaml:{key.start_mark.line + 1}: {key.value} has no sentence above it.")
    return " ".join(words), constraint


# --- files -----------------------------------------------------------------------------------------------


def write(files: dict[str, str], target: Path) -> None:
    """Write the files and remove those an earlier render left behind; whatever else is there stays."""
    for path in _stale(files, target):
        (target / path).unlink()
    for path, text in files.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text)


def differences(files: dict[str, str], target: Path) -> str:
    """What `write` would change, as a unified diff; empty when it would change nothing."""
    wanted = files | dict.fromkeys(_stale(files, target), "")
    return "".join(
        line
        for path, text in sorted(wanted.items())
        for line in difflib.unified_diff(
            _text(target / path).splitlines(keepends=True),
            text.splitlines(keepends=True),
            f"a/{path}",
            f"b/{path}",
        )
    )


def _stale(files: dict[str, str], target: Path) -> list[str]:
    present = [path for folder in set(FOLDERS.values()) for path in (target / folder).glob("*.yaml")]
    names = {path.relative_to(target).as_posix(): path for path in present}
    return sorted(name for name in names.keys() - files.keys() if _text(names[name]).startswith(HEADER))


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


# --- command line ----------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        values = _values(options.values, options.set)
        if values and options.output == ROOT:
            raise RenderError(
                "The committed files are the render of the defaults: --values and --set need --output."
            )
        schema_file = CHART / "values.schema.json"
        if options.output == ROOT and not options.check:
            schema_file.write_text(_schema_text())  # before the render, which validates by it
        files = render(values)
    except RenderError as error:
        print(f"render: {error}", file=sys.stderr)
        return 2
    if options.check:
        committed = (
            {schema_file.relative_to(ROOT).as_posix(): _schema_text()} if options.output == ROOT else {}
        )
        return _report(differences(files | committed, options.output))
    write(files, options.output)
    return 0


def _schema_text() -> str:
    return json.dumps(schema(), indent=2) + "\n"


def _report(diff: str) -> int:
    if diff:
        print(
            f"{diff}\nThese files are not what the chart renders: run `make render` and commit.",
            file=sys.stderr,
        )
    return 1 if diff else 0


def _values(files: Sequence[Path], settings: Sequence[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for file in files:
        try:
            _merge(values, yaml.safe_load(file.read_text()) or {})
        except (OSError, yaml.YAMLError, AttributeError) as error:
            raise RenderError(f"{file} is not a file of values: {error}") from error
    for setting in settings:
        _merge(values, _setting(setting))
    return values


def _setting(setting: str) -> dict[str, Any]:
    path, equals, text = setting.partition("=")
    if not (path and equals):
        raise RenderError(f"--set {setting}: it takes key.key=value.")
    *parents, key = path.split(".")
    values: dict[str, Any] = {key: yaml.safe_load(text) if text else ""}
    for parent in reversed(parents):
        values = {parent: values}
    return values


def _merge(values: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            _merge(values[key], value)
        else:
            values[key] = value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="render", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; show a diff and exit with 1 if there is one"
    )
    parser.add_argument(
        "--values", type=Path, action="append", default=[], metavar="FILE", help="values over the defaults"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="one value, keys joined by dots"
    )
    parser.add_argument(
        "--output", type=Path, default=ROOT, metavar="DIR", help="where knative/ and eventing/ are written"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
