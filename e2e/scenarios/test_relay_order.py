from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable

from e2e.client import TaskClient
from e2e.conftest import Stage
from e2e.polling import eventually

REPLICAS = 2
TASKS, CHANGES = 4, 12


def test_two_replicas_of_the_relay_keep_the_order_of_versions(new_stage: Callable[..., Stage]) -> None:
    """Both replicas serve changes of the same tasks at the same time; first acceptances are 1, 2, 3 …"""
    stage = new_stage(f"taskApi.autoscaling.minScale={REPLICAS}")
    eventually(lambda: len(stage.system.instances("task-api")) == REPLICAS, 60, stage.system.describe)
    _, client = stage.user()
    task_ids = [client.create(f"task {number}")["task_id"] for number in range(TASKS)]

    workers = [
        threading.Thread(target=_change, args=(client, task_id)) for task_id in task_ids for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    eventually(lambda: stage.database.waiting() == 0, 60)

    firsts: dict[str, list[int]] = defaultdict(list)
    for event in stage.broker.accepted:
        if event.version not in firsts[event.subject]:
            firsts[event.subject].append(event.version)
    assert firsts == {f"tasks/{task_id}": list(range(1, 2 * CHANGES + 2)) for task_id in task_ids}


def _change(client: TaskClient, task_id: int) -> None:
    for number in range(CHANGES):
        client.change(task_id, title=f"{threading.get_ident()} {number}")
