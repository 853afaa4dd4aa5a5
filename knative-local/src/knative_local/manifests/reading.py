"""Folders of manifests as typed objects."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from knative_local.manifests.document import Document, KeyPath, read_folder
from knative_local.manifests.fields import Object
from knative_local.manifests.inspection import Ineffective, inspect, nearest
from knative_local.manifests.kinds import KINDS

T = TypeVar("T", bound=Object)

_PLACE = re.compile(r"^(?P<what>.*) - at `(?P<path>.*)`$", re.DOTALL)
_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+)\]")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


@dataclass(frozen=True)
class Loaded(Generic[T]):
    """An object, and the document that knows on which line its fields are."""

    document: Document
    body: T

    @property
    def name(self) -> str:
        name: str = self.document.value["metadata"]["name"]
        return name

    @property
    def namespace(self) -> str:
        namespace: str = self.document.value["metadata"].get("namespace", "default")
        return namespace


@dataclass
class Manifests:
    """Everything that was read, by kind and in the order of the files."""

    objects: list[Loaded[Any]] = field(default_factory=list)
    ineffective: list[Ineffective] = field(default_factory=list)

    def of(self, kind: type[T]) -> list[Loaded[T]]:
        return [loaded for loaded in self.objects if isinstance(loaded.body, kind)]

    def find(self, kind: type[T], namespace: str, name: str) -> Loaded[T] | None:
        for loaded in self.of(kind):
            if (loaded.namespace, loaded.name) == (namespace, name):
                return loaded
        return None


def read(folders: Iterable[Path]) -> Manifests:
    """Raise `ManifestError` for the first thing that cannot be obeyed."""
    manifests = Manifests()
    for folder in folders:
        for document in read_folder(folder):
            kind = _kind(document)
            manifests.ineffective += inspect(document, kind)
            _add(manifests, document, _convert(document, kind))
    return manifests


def _add(manifests: Manifests, document: Document, body: Object) -> None:
    loaded = Loaded(document, body)
    if not _NAME.fullmatch(loaded.name):
        raise document.error(("metadata", "name"), f"'{loaded.name}' is not a Kubernetes name")
    earlier = manifests.find(type(body), loaded.namespace, loaded.name)
    if earlier is not None:
        raise document.error(("metadata", "name"), f"'{loaded.name}' is already in {earlier.document.file}")
    manifests.objects.append(loaded)


def _kind(document: Document) -> type[Object]:
    value = document.value
    if not isinstance(value, dict) or not {"apiVersion", "kind"} <= value.keys():
        raise document.error((), "is not a Kubernetes object: apiVersion and kind are missing")
    version, name = str(value["apiVersion"]), str(value["kind"])
    if (version, name) in KINDS:
        return KINDS[version, name]
    versions = [known for known, kind in KINDS if kind == name]
    if versions:
        raise document.error(
            ("apiVersion",), f"{name} is understood as {' or '.join(versions)}, not {version}"
        )
    names = sorted({kind for _, kind in KINDS})
    hint = nearest(name, names) or f"; known are {', '.join(names)}"
    raise document.error(("kind",), f"'{name}' ({version}) does not run on a laptop{hint}")


def _convert(document: Document, kind: type[Object]) -> Object:
    try:
        return msgspec.convert(document.value, kind)
    except msgspec.ValidationError as error:
        place = _PLACE.match(str(error))
        if place is None:
            raise document.error((), str(error)) from None
        raise document.error(_path(place["path"]), place["what"]) from None


def _path(text: str) -> KeyPath:
    return tuple(step["name"] or int(step["index"]) for step in _STEP.finditer(text.removeprefix("$")))
