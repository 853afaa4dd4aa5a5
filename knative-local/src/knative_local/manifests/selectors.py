"""Which objects another object speaks about."""

from __future__ import annotations

import msgspec

from knative_local.manifests.fields import Object


class Requirement(Object):
    key: str
    operator: str
    values: tuple[str, ...] = ()


class LabelSelector(Object):
    match_labels: dict[str, str] = msgspec.field(default_factory=dict)
    match_expressions: tuple[Requirement, ...] = ()
