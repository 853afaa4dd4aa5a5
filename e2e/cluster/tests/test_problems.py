from __future__ import annotations

from typing import Any

import pytest

from e2e.cluster.problems import problem


def _pod(state: dict[str, Any]) -> dict[str, Any]:
    status = {"containerStatuses": [{"image": "dev.local/task-api:9", "state": state}]}
    return {"metadata": {"name": "task-api-1"}, "status": status}


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"])
def test_a_missing_image_is_named_with_what_to_do(reason: str) -> None:
    told = problem([_pod({"waiting": {"reason": reason}})])

    assert told.startswith("Image dev.local/task-api:9 is not where the cluster's nodes find it")
    assert "E2E_IMAGE_COMMAND" in told


def test_a_missing_secret_is_named() -> None:
    waiting = {"reason": "CreateContainerConfigError", "message": 'secret "task-system-database" not found'}

    assert 'secret "task-system-database" not found' in problem([_pod({"waiting": waiting})])


@pytest.mark.parametrize(
    "state", [{"running": {}}, {"waiting": {"reason": "ContainerCreating"}}, {"terminated": {"exitCode": 1}}]
)
def test_what_may_still_come_is_no_problem(state: dict[str, Any]) -> None:
    assert problem([_pod(state), {"metadata": {"name": "pending"}}]) == ""
