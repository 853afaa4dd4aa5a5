from __future__ import annotations

from e2e.conftest import Stage
from e2e.polling import eventually


def test_the_function_goes_from_zero_to_one_and_back_and_the_first_event_waits(stage: Stage) -> None:
    _, client = stage.user()
    eventually(lambda: not stage.system.instances("analytics"), 60, stage.system.describe)

    task_id = client.create()["task_id"]
    eventually(lambda: stage.database.counted(task_id), 30)

    assert len(stage.system.instances("analytics")) == 1
    assert not [
        letter
        for letter in stage.system.dead_letters()
        if letter["attributes"].get("subject") == f"tasks/{task_id}"
    ]
    eventually(lambda: not stage.system.instances("analytics"), 60, stage.system.describe)
