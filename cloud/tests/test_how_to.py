"""docs/how-to/install.md: every command in it runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .fake_cluster import FakeCluster
from .test_install import PARTS

PAGE = (Path(__file__).parents[2] / "docs/how-to/install.md").read_text()
COMMANDS = re.findall(r"^cloud/install([^#\n]*)", PAGE, re.MULTILINE)


@pytest.mark.parametrize("options", COMMANDS, ids=lambda options: options.strip() or "nothing")
def test_a_command_of_the_page_runs(cluster: FakeCluster, options: str) -> None:
    cluster.has("secret/redpanda-users")
    cluster.has(
        *(f"crd/kafka{kind}s.kafka.strimzi.io" for kind in ("topic", "user", "nodepool", "rebalance"))
    )
    cluster.has("crd/knativeservings.operator.knative.dev", "crd/knativeeventings.operator.knative.dev")
    done = cluster.install(*options.split())

    assert done.returncode == 0, done.stderr


def test_the_page_names_every_part_in_order() -> None:
    assert re.findall(r"^\| ([a-z-]+) \| (?!what)", PAGE.replace("| part |", ""), re.MULTILINE) == PARTS
