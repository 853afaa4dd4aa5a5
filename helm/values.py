"""Writes what is generated from the chart's values.yaml: its schema, and the table of values in its README.

A value's sentence stands above it in values.yaml, and its constraint in the line marked @schema.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from helm.render import CHART, ROOT, RenderError, diff, report

README = CHART / "README.md"
SCHEMA = CHART / "values.schema.json"
BEGIN = '<!-- From values.yaml by "make render". -->\n'
END = "<!-- End of what is generated. -->\n"

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


# --- README ----------------------------------------------------------------------------------------------


def readme(text: str) -> str:
    """The README with a table of values per section between its two marks; the rest is written by hand."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise RenderError(f"{README.name} has lost a mark: {BEGIN.strip()} ... {END.strip()}")
    return before + begin + "".join(_tables()) + "\n" + end + after


def _tables() -> Iterator[str]:
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    for key, section in schema()["properties"].items():
        leaves = list(_leaves(key, section, defaults[key]))
        title = f"{section['description']}\n\n" if "properties" in section else ""
        rows = "".join(f"| {' | '.join(leaf)} |\n" for leaf in leaves)
        yield f"\n### {key}\n\n{title}| value | default | meaning | allowed |\n|---|---|---|---|\n{rows}"


def _leaves(path: str, described: dict[str, Any], default: Any) -> Iterator[tuple[str, str, str, str]]:
    if "properties" not in described:
        meaning = described["description"]
        yield f"`{path}`", f"`{json.dumps(default)}`", _cell(meaning), _cell(_allowed(described))
    for key, inner in described.get("properties", {}).items():
        yield from _leaves(f"{path}.{key}", inner, default[key])


def _allowed(described: dict[str, Any]) -> str:
    """What a reader can act on; patterns and the like are the schema's business."""
    if "enum" in described:
        return ", ".join(f"`{each}`" for each in described["enum"])
    least, most = described.get("minimum"), described.get("maximum")
    if least is not None and most is not None:
        return f"{least} to {most}"
    return "" if least is None else f"{least} or more"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


# --- command line ----------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="values", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; show a diff and exit with 1 if there is one"
    )
    check = parser.parse_args(arguments).check
    try:
        texts = {SCHEMA: json.dumps(schema(), indent=2) + "\n", README: readme(README.read_text())}
    except RenderError as error:
        print(f"values: {error}", file=sys.stderr)
        return 2
    if check:
        return report(diff({str(path.relative_to(ROOT)): text for path, text in texts.items()}, ROOT))
    for path, text in texts.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
