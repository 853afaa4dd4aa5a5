"""YAML documents that remember on which line everything is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from knative_local.errors import ManifestError, UsageError

KeyPath: TypeAlias = tuple[str | int, ...]
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, eight times faster, where it is built in
_TYPED = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float")}


class Document:
    """One object of a manifest file: plain data in `value`."""

    def __init__(self, file: str, node: yaml.Node) -> None:
        self.file = file
        self._lines: dict[KeyPath, int] = {}
        self.value: Any = self._build(node, ())

    def line(self, path: KeyPath) -> int:
        """Where the field is; for a missing one where the nearest field around it is."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def error(self, path: KeyPath, reason: str) -> ManifestError:
        return ManifestError(self.file, self.line(path), dotted(path), reason)

    def _build(self, node: yaml.Node, path: KeyPath) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._build(item, (*path, index)) for index, item in enumerate(node.value)]
        if node.tag in _TYPED:
            return yaml.constructor.SafeConstructor().construct_object(node)
        return node.value  # dates and the like are text in Kubernetes

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            inner = (*path, key)
            if key in result:
                raise ManifestError(
                    self.file, key_node.start_mark.line + 1, dotted(inner), "is given twice in the same place"
                )
            self._lines[inner] = key_node.start_mark.line + 1
            result[key] = self._build(value_node, inner)
        return {
            key: value for key, value in result.items() if value is not None
        }  # null is absent in Kubernetes


def dotted(path: KeyPath) -> str:
    """``spec.template.spec.containers[0].env``, the way kubectl writes it."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".") or "document"


def read_folder(folder: Path) -> Iterator[Document]:
    """Every document of every ``.yaml`` and ``.yml`` file, in the order of the names.

    Not of folders inside it: ``kubectl apply -f`` leaves those out too, and ``knative/install`` is for clusters.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such manifest folder")
    for file in sorted(folder.iterdir()):
        if file.suffix in {".yaml", ".yml"}:
            yield from _read_file(file)


def _read_file(file: Path) -> Iterator[Document]:
    shown = str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)
    try:
        for node in yaml.compose_all(file.read_text(encoding="utf-8"), _LOADER):
            if not (isinstance(node, yaml.ScalarNode) and node.value == ""):
                yield Document(shown, node)
    except UnicodeDecodeError:
        raise ManifestError(shown, 1, "document", "is not UTF-8 text") from None
    except yaml.reader.ReaderError as error:
        raise ManifestError(shown, 1, "document", f"is not YAML: {error.reason}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ManifestError(shown, line, "document", f"is not YAML: {error.problem}") from None
