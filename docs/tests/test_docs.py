"""Documents say true things: the commands, settings, event types and files they name exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.settings import Settings as AnalyticsSettings
from task_api.settings import Settings as TaskApiSettings
from task_events import EVENT_TYPES

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")])
IDS = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
# What others define: make variables, and those of the README's own shell.
FOREIGN = {
    "ARGS",
    "CI",
    "LOCAL_DATA",
    "OUT",
    "T",
    "USER_ID",
    "PYTHON",
    "TEST_DATABASE_URL",
    "K_SINK",
    "API",
    "TOKEN",
    "BASE_TAG",
    "PIP_CONF",
}


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def settings() -> set[str]:
    """The environment variables of both services."""
    return {name.upper() for kind in (TaskApiSettings, AnalyticsSettings) for name in _fields(kind)}


def cluster_variables() -> set[str]:
    """What the tests on a cluster are told, each read in one place."""
    return set(re.findall(r'"(E2E_[A-Z_]+)"', (ROOT / "e2e/cluster/settings.py").read_text()))


def _fields(kind: type) -> Iterator[str]:
    yield from getattr(kind, "model_fields", None) or kind.__annotations__


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_every_make_target_named_exists(path: Path) -> None:
    named = set(re.findall(r"\bmake ([a-z][a-z-]+)", _code(path)))

    assert named <= targets()


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_every_setting_named_exists(path: Path) -> None:
    named = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", path.read_text()))

    assert named <= settings() | cluster_variables() | FOREIGN


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_every_event_type_named_exists(path: Path) -> None:
    named = set(re.findall(r"\btask\.[a-z]+\b(?!\.schema)", path.read_text()))

    assert named <= set(EVENT_TYPES)


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_every_file_linked_or_named_exists(path: Path) -> None:
    text = path.read_text()
    linked = [target for target in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in target]

    assert [target for target in linked if not (path.parent / target).exists()] == []


def test_the_reference_names_every_setting() -> None:
    documented = set(
        re.findall(r"^\| `([A-Z0-9_]+)`", (ROOT / "docs/reference/settings.md").read_text(), re.MULTILINE)
    )

    assert documented == settings()


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 110


def test_contributing_names_every_variable_of_the_tests_on_a_cluster() -> None:
    assert cluster_variables()
    assert all(f"`{name}`" in (ROOT / "CONTRIBUTING.md").read_text() for name in cluster_variables())


def test_contributing_names_every_command() -> None:
    named = set(re.findall(r"`make ([a-z-]+)", (ROOT / "CONTRIBUTING.md").read_text()))

    assert named == targets()


def _code(path: Path) -> str:
    """Inline code and blocks only: prose may make sense without being a command."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", path.read_text(), re.DOTALL))


def test_no_tracked_file_names_a_package_index() -> None:
    suspicious = re.compile(r"--(?:extra-)?index-url|--find-links|pypi\.org/simple", re.IGNORECASE)
    texts = [*ROOT.glob("requirements/*.txt"), *ROOT.glob("**/pyproject.toml"), ROOT / "Makefile"]

    assert [
        str(path) for path in texts if ".venv" not in path.parts and suspicious.search(path.read_text())
    ] == []
