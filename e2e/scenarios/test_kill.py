"""kill -9 of every part, at chosen and at random moments: nothing is lost, nothing counts twice."""

from __future__ import annotations

import random
import threading
import time

import httpx
import pytest

from e2e.client import TaskClient
from e2e.conftest import Stage
from e2e.history import History, Verdict, judge
from e2e.polling import eventually
from e2e.systems.gateway import Fault

PARTS = ("task-api", "broker", "analytics")
SAMPLE, ALL = range(5), range(5, 100)
# On a cluster a request to a broker that vanished is given up after a minute, and tried again after up to another.
RECOVERED = 180


def test_task_api_killed_right_after_its_commit(stage: Stage) -> None:
    """The event is committed and in flight, the broker has not seen it."""
    _, client = stage.user()
    stage.broker.falls_silent(Fault.SILENT_BEFORE)
    task_id = client.create()["task_id"]
    assert stage.broker.held.acquire(timeout=30)

    stage.system.kill("task-api")
    stage.broker.passes()
    eventually(lambda: stage.database.counted(task_id), 90)

    assert stage.database.counted(task_id) == [(1, "task.created")]


def test_task_api_killed_right_after_the_broker_accepted(stage: Stage) -> None:
    """The broker stored the event, the relay never heard of it: it is sent again and counted once."""
    _, client = stage.user()
    stage.broker.falls_silent(Fault.SILENT_AFTER)
    task_id = client.create()["task_id"]
    assert stage.broker.held.acquire(timeout=30)

    stage.system.kill("task-api")
    stage.broker.passes()
    eventually(lambda: [event.subject for event in stage.broker.accepted].count(f"tasks/{task_id}") == 2, 90)
    eventually(lambda: stage.database.counted(task_id), 30)

    assert stage.database.counted(task_id) == [(1, "task.created")]


def test_analytics_killed_before_its_commit(stage: Stage) -> None:
    """A lock on the log keeps the function from committing until it is dead."""
    _, client = stage.user()
    _warm(stage, client)
    with stage.database.locked("analytics.event"):
        task_id = client.create()["task_id"]
        eventually(lambda: stage.database.blocked() > 0, 30)
        stage.system.kill("analytics")
    eventually(lambda: stage.database.counted(task_id), 60)

    assert stage.database.counted(task_id) == [(1, "task.created")]


def test_analytics_killed_after_its_commit(stage: Stage) -> None:
    """The row is there, the function does not know, the dispatcher never got its 204."""
    _, client = stage.user()
    _warm(stage, client)
    stage.gate.withholds_commits()
    task_id = client.create()["task_id"]
    eventually(lambda: stage.database.counted(task_id), 30)

    stage.system.kill("analytics")
    stage.gate.passes()
    marker = client.create("marker")["task_id"]
    eventually(lambda: stage.database.counted(marker), 60)
    eventually(lambda: _settled(stage), 60)

    assert stage.database.counted(task_id) == [(1, "task.created")]


def test_the_broker_killed_in_mid_append(stage: Stage) -> None:
    """Killed at once after each of many posts began: what it acknowledged is delivered, and once."""
    _, client = stage.user()
    for _ in range(3):
        task_ids = [client.create(f"task {number}")["task_id"] for number in range(30)]
        stage.system.kill("broker")
        eventually(lambda: stage.system.instances("broker"), 30)
    eventually(lambda: all(stage.database.counted(task_id) for task_id in task_ids), RECOVERED)

    _check(stage, History())


@pytest.mark.parametrize("seed", [*SAMPLE, *(pytest.param(seed, marks=pytest.mark.long) for seed in ALL)])
def test_a_random_kill_under_load_loses_nothing(stage: Stage, seed: int) -> None:
    _, client = stage.user()
    dice = random.Random(seed)
    part, moment = dice.choice(PARTS), dice.uniform(0.05, 0.8)
    history = History()
    stop = threading.Event()
    writers = [threading.Thread(target=_write, args=(client, history, dice.random(), stop)) for _ in range(4)]
    for writer in writers:
        writer.start()
    time.sleep(moment)  # the seeded moment of the kill, not a wait for something
    killed = stage.system.kill(part)
    time.sleep(0.3)  # load goes on around the dead part
    stop.set()
    for writer in writers:
        writer.join(60)

    print(f"seed {seed}: {part} ({killed}) after {moment:.2f} s, {len(history.acknowledged)} acknowledged")
    _check(stage, history)


def _write(client: TaskClient, history: History, seed: float, stop: threading.Event) -> None:
    dice = random.Random(seed)
    mine: dict[int, bool] = {}
    while not stop.is_set():
        try:
            if mine and dice.random() < 0.5:
                task_id = dice.choice(list(mine))
                mine[task_id] = not mine[task_id]
                task = client.change(task_id, completed=mine[task_id])
            else:
                task = client.create(f"task {dice.random()}")
                mine[task["task_id"]] = False
        except httpx.HTTPError:
            history.unknown += 1
            stop.wait(0.05)
            continue
        history.acknowledged.append((task["task_id"], task["version"]))


def _warm(stage: Stage, client: TaskClient) -> None:
    """One counted event: the function is up and its statements are prepared."""
    task_id = client.create("warm")["task_id"]
    eventually(lambda: stage.database.counted(task_id), 60)


def _settled(stage: Stage) -> bool:
    """Nothing waits in the outbox, and nothing between broker and function."""
    return stage.database.waiting() == 0 and stage.system.is_idle()


def _check(stage: Stage, history: History) -> None:
    """Every committed change is in the log exactly once and no other; numbers equal their recomputation."""
    # An event whose delivery is tried again keeps nobody busy meanwhile.
    eventually(
        lambda: not _verdict(stage, history).without_event, RECOVERED, lambda: _verdict(stage, history)
    )
    eventually(lambda: _settled(stage), 90, lambda: stage.database.rows("SELECT * FROM tasks.outbox LIMIT 5"))
    verdict = _verdict(stage, history)

    assert verdict.correct, verdict
    check = stage.system.run("analytics", "recompute", "--check")
    assert check.returncode == 0, check.stdout + check.stderr


def _verdict(stage: Stage, history: History) -> Verdict:
    return judge(history.acknowledged, stage.database.committed(), stage.database.all_counted())
