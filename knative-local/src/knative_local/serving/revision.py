"""One service at run time: as many instances as its autoscaler wants."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from knative_local.autoscaler.decider import Decider
from knative_local.autoscaler.meter import Meter
from knative_local.autoscaler.reconciler import Reconciler
from knative_local.errors import StartError
from knative_local.planning.services import ServicePlan
from knative_local.processes.child import Child
from knative_local.serving.balancer import Balancer
from knative_local.serving.instance import Instance, State


class RevisionStatus(msgspec.Struct, frozen=True):
    """`ready` of `desired` instances take requests; `concurrency` counts those in flight and waiting."""

    namespace: str
    name: str
    url: str | None
    minimum: int
    desired: int
    ready: int
    starting: int
    draining: int
    concurrency: int
    waiting: int
    restarts: int
    panicking: bool


class Revision:
    """Counts requests, decides how many instances there are, and starts and ends them."""

    def __init__(
        self,
        plan: ServicePlan,
        url: str | None,
        launch: Callable[[], Awaitable[tuple[Child, int]]],
        note: Callable[[str], None],
    ) -> None:
        now = time.monotonic()
        self.plan = plan
        self.url = url
        self.meter = Meter(now)
        self.instances: list[Instance] = []
        self.balancer = Balancer(self.instances, plan.concurrency)
        self.last_note = ""
        self._launch = launch
        self._note = note
        self._decider = Decider(plan.scaling)
        self._reconciler = Reconciler(plan.scaling, now)
        self._panicking = False
        self._restarts = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready = asyncio.Event()
        self._stopped = False

    def start(self) -> None:
        """Bring up the initial instances; `initially_ready` tells when they work."""
        self._scale_to(self._reconciler.wanted)

    async def initially_ready(self) -> None:
        """StartError when the initial instances are not there within the progress deadline."""
        deadline = self.plan.scaling.progress_deadline
        try:
            async with asyncio.timeout(deadline):
                while self._ready_count() < self._reconciler.wanted:
                    self._ready.clear()
                    await self._ready.wait()
        except TimeoutError:
            why = self.last_note or "no instance passed its probes"
            raise StartError(f"{self.plan.name} was not ready within {deadline:.0f} s: {why}") from None

    def report(self, now: float) -> None:
        """Once a second: tell the autoscaler what happened in it."""
        concurrency, per_second = self.meter.report(now)
        self._decider.record(now, per_second if self.plan.scaling.metric == "rps" else concurrency)

    def decide(self, now: float) -> None:
        decision = self._decider.decide(now, self._ready_count())
        self._panicking = decision.panicking
        self._scale_to(self._reconciler.reconcile(now, decision, self._ready_count()))

    def poke(self) -> None:
        """A request is there and no instance is wanted: do not wait for the next decision."""
        if self._reconciler.wanted == 0:
            now = time.monotonic()
            self._decider.record(now, 1.0)
            self.decide(now)

    def replace_instances(self) -> None:
        """Start new instances and let the present ones finish (their code has changed)."""
        leaving = [instance for instance in self.instances if instance.state is not State.DRAINING]
        for instance in leaving:
            instance.leave()
        self._scale_to(self._reconciler.wanted)

    async def stop(self, grace: float) -> None:
        """End every instance; requests that are still held find none."""
        self._stopped = True
        for instance in self.instances:
            instance.leave(grace)
        if self._tasks:
            await asyncio.wait(self._tasks)

    def status(self) -> RevisionStatus:
        states = [instance.state for instance in self.instances]
        return RevisionStatus(
            namespace=self.plan.namespace,
            name=self.plan.name,
            url=self.url,
            minimum=self.plan.scaling.min_scale,
            desired=self._reconciler.wanted,
            ready=states.count(State.READY),
            starting=states.count(State.STARTING) + states.count(State.UNREADY),
            draining=states.count(State.DRAINING),
            concurrency=self.meter.in_flight,
            waiting=self.balancer.waiting,
            restarts=self._restarts + sum(instance.restarts for instance in self.instances),
            panicking=self._panicking,
        )

    def _ready_count(self) -> int:
        return sum(instance.state is State.READY for instance in self.instances)

    def _scale_to(self, wanted: int) -> None:
        if self._stopped:
            return
        staying = [instance for instance in self.instances if instance.state is not State.DRAINING]
        for _ in range(wanted - len(staying)):
            self._add()
        # Who is not ready or has least to do goes first.
        staying.sort(key=lambda instance: (instance.state is State.READY, instance.in_flight))
        for instance in staying[: max(0, len(staying) - wanted)]:
            instance.leave()

    def _add(self) -> None:
        instance = Instance(self.plan, self._launch, self._on_change, self._remember)
        self.instances.append(instance)
        task = asyncio.create_task(self._run(instance))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, instance: Instance) -> None:
        await instance.live()
        self.instances.remove(instance)
        self._restarts += instance.restarts

    def _on_change(self) -> None:
        self._ready.set()
        self.balancer.serve_waiting()

    def _remember(self, text: str) -> None:
        """Why the last instance failed: those who wait for one are told."""
        self.last_note = text
        self._note(text)
