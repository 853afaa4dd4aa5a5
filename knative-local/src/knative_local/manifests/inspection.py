"""Every field of a document against the types: unknown ones, refused ones, and those without effect."""

from __future__ import annotations

import difflib
import functools
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from knative_local.manifests.document import Document, KeyPath, dotted
from knative_local.manifests.fields import Keys, Object, Refused, WithoutEffect


@dataclass(frozen=True)
class Ineffective:
    """One line of ``--explain``."""

    file: str
    line: int
    path: str
    reason: str


def inspect(document: Document, kind: type[Object]) -> list[Ineffective]:
    """Raise for the first field that is unknown or refused; return those that change nothing here."""
    return list(_inspect(document, document.value, kind, ()))


def ineffective(document: Document, path: KeyPath, reason: str) -> Ineffective:
    return Ineffective(document.file, document.line(path), dotted(path), reason)


def nearest(name: str, known: Iterable[str]) -> str:
    """``, did you mean 'x'?`` or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f", did you mean '{close[0]}'?" if close else ""


def _inspect(document: Document, value: Any, annotation: Any, path: KeyPath) -> Iterator[Ineffective]:
    yield from _obey_markers(document, annotation, path)
    arguments = get_args(annotation)
    if isinstance(annotation, type) and isinstance(value, dict):
        if issubclass(annotation, Keys):
            yield from _inspect_keys(document, value, annotation, path)
        elif issubclass(annotation, Object):
            yield from _inspect_object(document, value, annotation, path)
    elif get_origin(annotation) is Annotated:
        yield from _inspect(document, value, arguments[0], path)
    elif get_origin(annotation) in {Union, types.UnionType}:
        for member in arguments:
            yield from _inspect(document, value, member, path)
    elif get_origin(annotation) is tuple and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _inspect(document, item, arguments[0], (*path, index))


def _obey_markers(document: Document, annotation: Any, path: KeyPath) -> Iterator[Ineffective]:
    for marker in getattr(annotation, "__metadata__", ()):
        if isinstance(marker, Refused):
            raise document.error(path, marker.reason)
        if isinstance(marker, WithoutEffect):
            yield ineffective(document, path, marker.reason)


def _inspect_object(
    document: Document, value: dict[str, Any], kind: type[Object], path: KeyPath
) -> Iterator[Ineffective]:
    known = _annotations(kind)
    for name, inner in value.items():
        if name not in known:
            raise document.error((*path, name), f"unknown field '{name}'{nearest(name, known)}")
        yield from _inspect(document, inner, known[name], (*path, name))


def _inspect_keys(
    document: Document, value: dict[str, Any], kind: type[Keys], path: KeyPath
) -> Iterator[Ineffective]:
    known = _annotations(kind)
    foreign = []
    for name, inner in value.items():
        if name in known:
            yield from _inspect(document, inner, known[name], (*path, name))
        elif name.partition("/")[0].endswith("knative.dev"):
            raise document.error((*path, name), f"unknown key '{name}'{nearest(name, known)}")
        else:
            foreign.append(name)
    if foreign:
        reason = f"read by other programs: {', '.join(foreign)}"
        yield ineffective(document, path, reason)


@functools.cache
def _annotations(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Names as the manifest writes them, to annotations with their markers."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.encode_name: hints[field.name] for field in msgspec.structs.fields(kind)}
