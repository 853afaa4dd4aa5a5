"""Writes what is rendered from helm/task-system: knative/ and eventing/.

The chart is the one place where an object of the application is written by hand. The rendered files are
what `knative-local` runs, `kubectl apply -f` applies and people read.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml
from helm_python import Chart
from helm_python.errors import HelmError

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "helm" / "task-system"
HEADER = '# Rendered from helm/task-system by "make render". Edit the template.\n'
RELEASE = NAMESPACE = "task-system"
# Where the rendered files lie: what travels in eventing/, everything else, from whatever folder, in knative/.
FOLDERS = ("knative", "eventing")


class RenderError(Exception):
    """Its text is one sentence for the person at the keyboard."""


# --- objects ---------------------------------------------------------------------------------------------


def render(values: dict[str, Any] | None = None, *, helm_labels: bool = False) -> dict[str, str]:
    """Path in the checkout -> text, for every object these values render.

    The header stands inside the document, not before a `---`: kn reads only the first document of a file.
    """
    objects = templates({**(values or {}), "helmLabels": helm_labels})
    places = places_of(name for name in objects if "/" in name)
    return {path: HEADER + objects[name] for path, name in places.items() if objects[name].strip()}


def places_of(names: Iterable[str]) -> dict[str, str]:
    """Path in the checkout -> template; two folders may not have a file of one name, rendered or not."""
    places: dict[str, str] = {}
    for name in sorted(names):
        folder, _, file = name.partition("/")
        path = f"{'eventing' if folder == 'eventing' else 'knative'}/{file}"
        if path in places:
            raise RenderError(f"templates/{name} and templates/{places[path]} would both be {path}.")
        places[path] = name
    return places


def templates(values: dict[str, Any] | None = None) -> dict[str, str]:
    """Template path -> text, exactly as Helm renders it, notes included."""
    try:
        with Chart.load(CHART) as chart:
            rendered = chart.render(values or {}, name=RELEASE, namespace=NAMESPACE)
    except HelmError as error:
        raise RenderError(_sentence(str(error))) from error
    return {name.partition("/templates/")[2]: text for name, text in rendered.items()}


def _sentence(message: str) -> str:
    """The chart's own words, without the call stack of templates in front of them."""
    if "specifications of the schema" in message:
        return "values: " + "; ".join(re.findall(r"^- (.*)$", message, re.MULTILINE))
    return re.sub(r"^execution error at \(.*?\): ", "", message.strip())


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
    return diff(files | dict.fromkeys(_stale(files, target), ""), target)


def diff(files: dict[str, str], target: Path) -> str:
    """The files of these names against what `target` has."""
    return "".join(
        line
        for path, text in sorted(files.items())
        for line in difflib.unified_diff(
            _text(target / path).splitlines(keepends=True),
            text.splitlines(keepends=True),
            f"a/{path}",
            f"b/{path}",
        )
    )


def _stale(files: dict[str, str], target: Path) -> list[str]:
    present = [path for folder in FOLDERS for path in (target / folder).glob("*.yaml")]
    names = {path.relative_to(target).as_posix(): path for path in present}
    return sorted(name for name in names.keys() - files.keys() if _text(names[name]).startswith(HEADER))


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


# --- command line ----------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        values = values_of(options.values, options.set)
        if values and options.output == ROOT:
            raise RenderError(
                "The committed files are the render of the defaults: --values and --set need --output."
            )
        files = render(values)
    except RenderError as error:
        print(f"render: {error}", file=sys.stderr)
        return 2
    if options.check:
        return report(differences(files, options.output))
    write(files, options.output)
    return 0


def report(difference: str) -> int:
    """Print what differs; 1 if anything does."""
    if difference:
        print(
            f"{difference}\nThese files are not what their source renders: run `make render` and commit.",
            file=sys.stderr,
        )
    return 1 if difference else 0


def values_of(files: Sequence[Path], settings: Sequence[str] = ()) -> dict[str, Any]:
    """Files of values, and `key.key=value`, each over what came before."""
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
