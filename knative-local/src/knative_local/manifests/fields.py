"""How a field of a manifest says that it has no effect here, or that it cannot be obeyed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import msgspec


@dataclass(frozen=True)
class WithoutEffect:
    """The field is known and changes nothing on one machine; ``--explain`` gives the reason."""

    reason: str


@dataclass(frozen=True)
class Refused:
    """Obeying the field is not possible here, and ignoring it would be a lie."""

    reason: str


class Object(msgspec.Struct, rename="camel"):
    """A manifest's mapping. Unknown fields are found by `knative_local.manifests.inspection`."""


class Keys(msgspec.Struct):
    """Annotations or labels: keys of Knative are checked, those of other programs are let through."""


Placement: TypeAlias = Annotated[Any, WithoutEffect("there is one machine to run on")]
Isolation: TypeAlias = Annotated[Any, WithoutEffect("processes run as you, without a container around them")]
Identity: TypeAlias = Annotated[Any, WithoutEffect("there is no Kubernetes API to call")]
Pulling: TypeAlias = Annotated[Any, WithoutEffect("programs come from this environment, not from a registry")]
Kafka: TypeAlias = Annotated[Any, WithoutEffect("topics live in the local store, on one disk")]
