"""Kubernetes as kubectl shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.load.cluster import ClusterSampler, cluster_client
from e2e.load.errors import LoadError
from e2e.load.sampling import State
from e2e.load.tests.fake_cluster import fake_kubectl, revision


async def state(folder: Path) -> State:
    async with cluster_client(str(folder / "kubectl")) as client:
        return await ClusterSampler(client, "task-system").state()


async def test_replicas_are_what_the_autoscaler_has_and_wants(tmp_path: Path) -> None:
    fake_kubectl(
        tmp_path,
        revision("task-api", {"actualScale": 1, "desiredScale": 3}, minimum="1"),
        revision("analytics", {"actualScale": 0, "desiredScale": -1}),
        revision("somebody-else", {"actualScale": 7, "desiredScale": 7}),
    )

    found = await state(tmp_path)

    assert found == ({"task-api": (1, 3, 1, None), "analytics": (0, 0, 0, None)}, None)
    path = "/apis/autoscaling.internal.knative.dev/v1alpha1/namespaces/task-system/podautoscalers"
    assert (tmp_path / "path").read_text() == path


async def test_revisions_of_one_service_count_together_and_an_unused_one_has_no_minimum(
    tmp_path: Path,
) -> None:
    fake_kubectl(
        tmp_path,
        revision("task-api", {"actualScale": 2, "desiredScale": 1}, minimum="1", used=False),
        revision("task-api", {"actualScale": 3, "desiredScale": 4}, minimum="2"),
        revision("analytics", {}),
    )

    found = await state(tmp_path)

    assert found.services["task-api"] == (5, 5, 2, None)
    assert found.services["analytics"].at_minimum


async def test_a_cluster_without_the_chart_is_an_error(tmp_path: Path) -> None:
    fake_kubectl(tmp_path, revision("task-api", {"actualScale": 1, "desiredScale": 1}))

    with pytest.raises(LoadError, match="no revision of analytics"):
        await state(tmp_path)


async def test_a_cluster_without_knative_is_an_error(tmp_path: Path) -> None:
    fake_kubectl(tmp_path)

    with pytest.raises(LoadError, match="the cluster cannot be asked: 404 page not found"):
        await state(tmp_path)


async def test_a_missing_kubectl_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="kubectl is not installed"):
        await state(tmp_path)


async def test_what_kubectl_says_is_passed_on(tmp_path: Path) -> None:
    fake_kubectl(tmp_path)
    (tmp_path / "broken").touch()

    with pytest.raises(LoadError, match="kubectl cannot ask the cluster: error: invalid configuration"):
        await state(tmp_path)
