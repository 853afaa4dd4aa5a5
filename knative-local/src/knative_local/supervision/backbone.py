"""What services stand on: the database, companions, the broker process, and the Jobs that run before them."""

from __future__ import annotations

from collections.abc import Coroutine
from functools import partial
from typing import Any

from knative_local import contract
from knative_local.planning.plan import Plan, Ports
from knative_local.profile import Companion
from knative_local.supervision.console import Console
from knative_local.supervision.data_folder import DataFolder
from knative_local.supervision.database import Database
from knative_local.supervision.kept import Kept
from knative_local.supervision.programs import Programs
from knative_local.supervision.together import together

_BROKER_GRACE = 5.0
_COMPANION_GRACE = 2.0


class Backbone:
    """Everything starts at once; whatever ends by itself is started again on the same port."""

    def __init__(
        self,
        folder: DataFolder,
        programs: Programs,
        ports: Ports,
        database: Database | None,
        console: Console,
    ) -> None:
        self._folder = folder
        self._programs = programs
        self._ports = ports
        self._database = database
        self._console = console
        self._broker: Kept | None = None
        self._companions: list[Kept] = []

    async def start(self, plan: Plan) -> None:
        """Return when all of it works and every Job is done."""
        contract.write(plan.contract, self._folder.contract)
        for key in plan.companions:
            self._folder.companion(key).mkdir(parents=True, exist_ok=True)
        work = [self._start_database_and_jobs(plan), *self._start_companions(plan)]
        if plan.contract != contract.Contract():
            work.append(self._start_broker())
        await together(work)

    async def stop(self) -> None:
        """The broker before those it needs; it keeps what it could not deliver."""
        if self._broker is not None:
            await self._broker.stop(_BROKER_GRACE)
        for companion in self._companions:
            await companion.stop(_COMPANION_GRACE)
        if self._database is not None:
            await self._database.stop()

    async def _start_database_and_jobs(self, plan: Plan) -> None:
        if self._database is not None:
            await self._database.start()
            self._console.progress("database ready")
        await together(self._programs.run_job(job) for job in plan.jobs)
        for job in plan.jobs:
            self._console.progress(f"Job {job.program.name} done")

    async def _start_broker(self) -> None:
        port = self._ports.broker
        launch = partial(self._programs.start_broker, self._folder.contract, self._folder.broker, port)
        self._broker = Kept("broker", launch, self._console.note)
        await self._broker.start(partial(self._programs.ready, port=port, path="/status"))
        self._console.progress("broker ready")

    def _start_companions(self, plan: Plan) -> list[Coroutine[Any, Any, None]]:
        return [self._start_companion(key, companion) for key, companion in plan.companions.items()]

    async def _start_companion(self, key: str, companion: Companion) -> None:
        port = self._ports.companions[key]
        name = companion.url_name or key
        data = self._folder.companion(key)
        launch = partial(self._programs.start_companion, name, companion, data, port)
        kept = Kept(name, launch, self._console.note)
        self._companions.append(kept)
        await kept.start(partial(self._programs.ready, port=port, path=companion.ready))
        self._console.progress(f"{name} ready")
