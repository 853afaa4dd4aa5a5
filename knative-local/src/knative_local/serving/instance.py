"""One instance of a service: what a Pod is to Knative. It outlives the restarts of its process."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from enum import Enum, auto

from knative_local.errors import StartError
from knative_local.planning.services import ServicePlan
from knative_local.processes.child import Child
from knative_local.processes.keeper import Backoff
from knative_local.serving import probing

_FIRST_RESTART, _LAST_RESTART = 0.1, 10.0  # the kubelet waits 10 s to 5 min; nobody waits for that at a desk


class State(Enum):
    STARTING = auto()
    READY = auto()
    UNREADY = auto()
    DRAINING = auto()


class Instance:
    """`in_flight` is counted by the balancer; `changed` is called when the state changes."""

    def __init__(
        self,
        plan: ServicePlan,
        launch: Callable[[], Awaitable[tuple[Child, int]]],
        changed: Callable[[], None],
        note: Callable[[str], None],
    ) -> None:
        self.state = State.STARTING
        self.port = 0
        self.in_flight = 0
        self.restarts = 0
        self._plan = plan
        self._launch = launch
        self._changed = changed
        self._note = note
        self._child: Child | None = None
        self._leave = asyncio.Event()
        self._suspected = asyncio.Event()
        self._grace = plan.grace_seconds

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    async def live(self) -> None:
        """Run until `leave`; a process that ends or fails its liveness probe is started again."""
        backoff = Backoff(_FIRST_RESTART, _LAST_RESTART)
        while True:
            started = time.monotonic()
            reason = await self._live_once()
            if self._leave.is_set():
                return
            self.restarts += 1
            delay = backoff.after(time.monotonic() - started)
            self._note(f"{self._plan.name}: {reason}; next start in {delay:.1f} s")
            self._become(State.STARTING)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leave.wait(), delay)
            if self._leave.is_set():
                return

    def leave(self, grace: float | None = None) -> None:
        """Finish what is in flight, then stop; new requests go elsewhere from now on."""
        if grace is not None:
            self._grace = grace
        self._become(State.DRAINING)
        self._leave.set()

    def suspect(self) -> None:
        """A request got no answer: nothing more is sent to the process until it passes its probe again."""
        if self.state is State.READY:
            self._become(State.UNREADY)
            self._suspected.set()

    def _become(self, state: State) -> None:
        if self.state is not State.DRAINING and state is not self.state:
            self.state = state
            self._changed()

    async def _live_once(self) -> str:
        """One process; the reason of its end."""
        try:
            child, self.port = await self._launch()
        except StartError as error:
            return str(error)
        self._child = child
        tasks = {
            asyncio.create_task(self._ended(child)),
            asyncio.create_task(self._unhealthy()),
            asyncio.create_task(self._leave.wait()),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return str(next(iter(done)).result())
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._become(State.UNREADY)
            await self._end(child)

    async def _end(self, child: Child) -> None:
        """Who leaves finishes first; who failed is stopped at once."""
        deadline = time.monotonic() + self._grace
        while self._leave.is_set() and self.in_flight and child.exit_code is None:
            if time.monotonic() >= deadline:
                break
            await asyncio.sleep(0.02)
        await child.end(max(0.0, deadline - time.monotonic()))
        self._child = None

    async def _ended(self, child: Child) -> str:
        code = await child.wait()
        return f"ended with code {code}: {child.last_words() or 'it wrote nothing'}"

    async def _unhealthy(self) -> str:
        """Follow the probes; return when one of them asks for a restart."""
        startup = self._plan.startup
        if startup is not None:
            longest = startup.failures * startup.period
            await asyncio.sleep(startup.initial_delay)
            try:
                await asyncio.wait_for(probing.first_success(startup, self.port), longest)
            except TimeoutError:
                return f"did not pass its startupProbe in {longest:.0f} s"
        readiness = asyncio.create_task(self._follow_readiness())
        try:
            if self._plan.liveness is None:
                await asyncio.Event().wait()
            else:
                await asyncio.sleep(self._plan.liveness.initial_delay)
                await probing.failed_for_good(self._plan.liveness, self.port)
        finally:
            readiness.cancel()
        return "failed its livenessProbe"

    async def _follow_readiness(self) -> None:
        plan = self._plan.readiness
        if plan is None:
            self._become(State.READY)
            return
        await asyncio.sleep(plan.initial_delay)
        interval = probing.AGGRESSIVE_SECONDS
        while True:
            await probing.first_success(plan, self.port, interval)
            interval = probing.RECOVERY_SECONDS
            self._suspected.clear()
            self._become(State.READY)
            failing = asyncio.create_task(probing.failed_for_good(plan, self.port))
            suspected = asyncio.create_task(self._suspected.wait())
            try:
                await asyncio.wait({failing, suspected}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                failing.cancel()
                suspected.cancel()
            self._become(State.UNREADY)
