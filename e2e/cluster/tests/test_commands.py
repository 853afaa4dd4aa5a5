from __future__ import annotations

from typing import Any

import pytest
from helm.tests.objects import rendered

from e2e.cluster.commands import command_pod
from e2e.cluster.errors import ClusterError


def _hooks() -> list[dict[str, Any]]:
    return list(rendered().values())


def test_a_command_runs_in_a_pod_like_the_migrations() -> None:
    """The policies and the account are the migration's: the labels are what they go by."""
    (job,) = (
        one for one in _hooks() if one["kind"] == "Job" and one["metadata"]["name"] == "analytics-migrate"
    )
    expected = job["spec"]["template"]

    pod = command_pod(_hooks(), ["analytics", "recompute", "--check"])

    assert pod["spec"]["containers"][0]["args"] == ["recompute", "--check"]
    assert pod["spec"]["containers"][0]["env"] == expected["spec"]["containers"][0]["env"]
    assert pod["metadata"]["labels"] == expected["metadata"]["labels"]
    assert (pod["kind"], pod["spec"]["restartPolicy"]) == ("Pod", "Never")


def test_two_pods_of_one_command_have_two_names() -> None:
    pods = [command_pod(_hooks(), ["task-api", "outbox"]) for _ in range(2)]

    assert pods[0]["metadata"]["name"] != pods[1]["metadata"]["name"]


def test_a_service_without_a_migration_is_refused() -> None:
    with pytest.raises(ClusterError, match="no Job dev-issuer-migrate"):
        command_pod(_hooks(), ["dev-issuer", "token"])
