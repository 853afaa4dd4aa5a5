"""
issuer.enabled: Deployment dev-issuer ──► tokens ──► task-api
"""

from __future__ import annotations

from collections.abc import Callable

import httpx

from e2e.conftest import Stage
from e2e.polling import eventually


def test_the_development_issuer_of_the_chart_signs_for_the_task_api(new_stage: Callable[..., Stage]) -> None:
    """A token outlives the issuer's process: its key is not in the process."""
    stage = new_stage("issuer.enabled=true")
    _, client = stage.user()
    task_id = client.create()["task_id"]

    (issuer,) = stage.system.kill("dev-issuer")
    eventually(lambda: stage.system.instances("dev-issuer") not in ([], [issuer]), 30)
    eventually(lambda: _answers(stage.system.url("issuer")), 30)
    client.change(task_id, completed=True)
    _, other = stage.user()
    other.create()

    eventually(lambda: len(stage.database.counted(task_id)) == 2, 30)
    assert stage.database.counted(task_id) == [(1, "task.created"), (2, "task.completed")]


def _answers(url: str) -> bool:
    return httpx.get(url + "/.well-known/openid-configuration").status_code == 200
