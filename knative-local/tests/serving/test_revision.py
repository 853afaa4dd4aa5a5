from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

from knative_local.autoscaler.settings import Scaling
from knative_local.planning.probes import ProbePlan
from knative_local.process_table import is_alive
from knative_local.serving.instance import State

from .system import Laptop, eventually, running


def states(laptop: Laptop) -> list[State]:
    return [instance.state for instance in laptop.revision.instances]


async def test_the_initial_scale_is_started(tmp_path: Path) -> None:
    async with running(tmp_path, scaling=Scaling(initial_scale=2)) as laptop:
        assert states(laptop) == [State.READY, State.READY]


async def test_an_instance_that_leaves_finishes_what_it_has_and_gets_nothing_new(tmp_path: Path) -> None:
    async with running(tmp_path) as laptop:
        (pid,) = laptop.pids
        held = asyncio.create_task(laptop.client.get(laptop.url + "/work"))
        await eventually(lambda: laptop.count("arrived-*"))
        laptop.revision.replace_instances()
        async with laptop.client.get(laptop.url) as other:
            assert (await other.json(content_type=None))["pid"] != pid
        laptop.touch("go")

        async with await held as response:
            assert (await response.json(content_type=None))["pid"] == pid
        await eventually(lambda: laptop.count(f"stopped-{pid}"))


async def test_traffic_adds_instances_and_silence_takes_them_away(tmp_path: Path) -> None:
    """The autoscaler's clock is turned by hand: a second per step."""
    scaling = Scaling(target=1.0, stable_window=6, max_scale=3, scale_to_zero_grace_period=0.0)
    async with running(tmp_path, scaling=scaling) as laptop:
        now = time.monotonic()
        held = [asyncio.create_task(laptop.client.get(laptop.url + "/work")) for _ in range(9)]
        await eventually(lambda: laptop.revision.meter.in_flight == 9)
        laptop.revision.report(now + 1)
        laptop.revision.decide(now + 1)
        await eventually(lambda: states(laptop) == [State.READY] * 3)

        laptop.touch("go")
        for answer in held:
            (await answer).close()
        await eventually(lambda: laptop.revision.meter.in_flight == 0)
        for second in range(2, 40):
            laptop.revision.report(now + second)
            laptop.revision.decide(now + second)
            await asyncio.sleep(0)
        await eventually(lambda: not laptop.revision.instances)

        assert laptop.revision.status().desired == 0
        assert laptop.count("stopped-*") == 3


async def test_a_fixed_number_stays_whatever_the_load(tmp_path: Path) -> None:
    async with running(tmp_path, scaling=Scaling.fixed(2, progress_deadline=30.0)) as laptop:
        held = [asyncio.create_task(laptop.client.get(laptop.url + "/work")) for _ in range(9)]
        await eventually(lambda: laptop.revision.meter.in_flight == 9)
        now, before = time.monotonic(), laptop.pids
        for second in range(1, 200):
            laptop.revision.report(now + second)
            laptop.revision.decide(now + second)
            if second == 100:
                laptop.touch("go")
                for answer in held:
                    (await answer).close()
        await asyncio.sleep(0)

        assert (laptop.pids, states(laptop)) == (before, [State.READY] * 2)


async def test_without_a_readiness_probe_a_process_that_runs_is_ready(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "unready").touch()
    async with running(tmp_path, readiness=None) as laptop:
        assert states(laptop) == [State.READY]


async def test_a_killed_process_is_started_again(tmp_path: Path) -> None:
    async with running(tmp_path) as laptop:
        (pid,) = laptop.pids
        os.kill(pid, signal.SIGKILL)

        await eventually(lambda: laptop.pids and laptop.pids != [pid] and states(laptop) == [State.READY])


async def test_a_process_that_fails_its_liveness_probe_is_started_again(tmp_path: Path) -> None:
    patient = ProbePlan(path="/ready", failures=30)  # a busy machine takes long to start it
    healthy = ProbePlan(path="/alive", period=0.05, failures=2)
    async with running(tmp_path, startup=patient, liveness=healthy) as laptop:
        (pid,) = laptop.pids
        laptop.touch(f"sick-{pid}")

        await eventually(lambda: laptop.pids and laptop.pids != [pid])
        assert "hello: failed its livenessProbe" in laptop.notes[0]


async def test_a_process_that_fails_its_readiness_probe_gets_no_requests_until_it_is_well(
    tmp_path: Path,
) -> None:
    async with running(tmp_path, readiness=ProbePlan(path="/ready", period=0.05, failures=2)) as laptop:
        pids = laptop.pids
        laptop.touch("unready")
        await eventually(lambda: states(laptop) == [State.UNREADY])
        held = asyncio.create_task(laptop.client.get(laptop.url))
        await eventually(lambda: laptop.revision.balancer.waiting == 1)
        (laptop.folder / "unready").unlink()

        async with await held as response:
            assert response.status == 200
        assert laptop.pids == pids


async def test_a_process_that_never_passes_its_startup_probe_is_started_again(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "unready").touch()
    startup = ProbePlan(path="/ready", period=1.0, failures=1)
    async with running(tmp_path, startup=startup, ready=False) as laptop:
        await eventually(lambda: laptop.notes)

        assert "hello: did not pass its startupProbe in 1 s" in laptop.notes[0]


async def test_without_a_readiness_probe_an_open_port_is_enough(tmp_path: Path) -> None:
    async with running(tmp_path, readiness=ProbePlan()) as laptop:
        assert states(laptop) == [State.READY]


async def test_a_stop_leaves_no_process_even_when_one_ignores_sigterm(tmp_path: Path) -> None:
    async with running(tmp_path) as laptop:
        (pid,) = laptop.pids
        os.kill(pid, signal.SIGSTOP)  # cannot even hear it
        await laptop.revision.stop(0.5)

        assert not is_alive(pid)
