"""What a release may never change in a cluster: written down when it is made, compared with ever after.

When a release is made, `python -m helm.tests.release` keeps its values and its unchangeable fields in previous/.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from helm.render import CHART

from .objects import WITHOUT_KAFKA, WOKEN_FROM_ZERO, Object, rendered

PREVIOUS = Path(__file__).with_name("previous")
# Renders that have every kind a release installs.
KEPT: dict[str, dict[str, Any]] = {
    "default": {},
    "without Kafka": WITHOUT_KAFKA,
    "API at zero": WOKEN_FROM_ZERO,
    "everything": {"issuer": {"enabled": True}, "dashboard": {"enabled": True}},
}
# Kind -> fields its webhook, or Kubernetes, refuses to change. A Job's are Helm's business: it is a hook, replaced.
UNCHANGEABLE = {
    "Broker": (
        "metadata.annotations.eventing~knative~dev/broker~class",
        "metadata.annotations.kafka~eventing~knative~dev/external~topic",
        "spec.config",
    ),
    "Trigger": ("spec.broker",),
    "KafkaSink": ("spec.topic", "spec.numPartitions", "spec.replicationFactor"),
    "Deployment": ("spec.selector",),
    "StatefulSet": ("spec.selector", "spec.serviceName", "spec.volumeClaimTemplates"),
}


def unchangeable(objects: Iterable[Object]) -> dict[str, dict[str, Any]]:
    """`Kind/name` -> the fields that stay, for every object: its name stays as well."""
    return {
        f"{each['kind']}/{each['metadata']['name']}": {
            path: field(each, path) for path in UNCHANGEABLE.get(each["kind"], ())
        }
        for each in objects
    }


def field(each: Object, path: str) -> Any:
    value: Any = each
    for key in path.split("."):
        value = (value or {}).get(key.replace("~", "."))
    return value


def changes(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[str]:
    """What an upgrade would be refused for, or would take away with the name."""
    gone = [f"{name} is gone" for name in before if name not in after]
    return gone + [
        f"{name}: {path} was {value!r} and is {after[name].get(path)!r}"
        for name, fields in before.items()
        if name in after
        for path, value in fields.items()
        if after[name].get(path) != value
    ]


def keep(folder: Path) -> str:
    """Write down the release the chart is now, and return its version."""
    version = str(yaml.safe_load((CHART / "Chart.yaml").read_text())["version"])
    kept = {
        name: {"values": values, "objects": unchangeable(rendered(values).values())}
        for name, values in KEPT.items()
    }
    (folder / f"values-{version}.yaml").write_text((CHART / "values.yaml").read_text())
    (folder / f"objects-{version}.yaml").write_text(yaml.safe_dump(kept, sort_keys=False))
    return version


def main() -> int:
    print(f"Kept {keep(PREVIOUS)} in {PREVIOUS}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
