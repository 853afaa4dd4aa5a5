"""Deliveries become spans when nobody waits.

Loading OpenTelemetry takes longer than loading the rest (110 and 90 ms, measured): a cold start must not wait.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from analytics.delivery import Delivery, delivery_of
from analytics.handler import Handle, Outcome, Store
from task_events import Envelope

if TYPE_CHECKING:
    from analytics.spans import Spans

# The dispatcher is answered long before; the pod is there for a minute at least.
PAUSE_SECONDS = 0.5
# As many as OpenTelemetry keeps by default; of more the oldest go without a span.
MOST_REMEMBERED = 2048

_log = logging.getLogger("analytics")


class Tracing:
    """Remembers deliveries, and hands them over now and then."""

    def __init__(self) -> None:
        self._ended: deque[Delivery] = deque(maxlen=MOST_REMEMBERED)
        self._spans: Spans | None = None
        self._handing_over = threading.Lock()

    def traced(self, handle: Handle) -> Handle:
        """Do the same, and remember each delivery of an event."""

        async def handled(envelope: Envelope, store: Store) -> Outcome:
            began = time.time_ns()
            try:
                outcome = await handle(envelope, store)
            except Exception as error:
                self._ended.append(delivery_of(envelope, began, time.time_ns(), "", error))
                raise
            self._ended.append(delivery_of(envelope, began, time.time_ns(), outcome.name.lower(), None))
            return outcome

        return handled

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            if self._ended:
                try:
                    await asyncio.to_thread(self._hand_over)
                except Exception:  # noqa: BLE001 - the edge of a background task: a setting of OpenTelemetry's is wrong
                    _log.exception("no spans are sent")
                    return

    async def close(self, seconds: float) -> None:
        """Send what is left, for that long at most; `run` is cancelled before."""
        if not await _in_time(self._finish, seconds):
            _log.warning("the collector did not take the last spans in time")

    def _hand_over(self) -> None:
        with self._handing_over:
            if self._spans is None:
                from analytics.spans import Spans  # noqa: PLC0415 - see above

                self._spans = Spans()
            while self._ended:
                self._spans.add(self._ended.popleft())

    def _finish(self) -> None:
        if self._ended:
            self._hand_over()
        if self._spans:
            self._spans.close()


async def _in_time(work: Callable[[], object], seconds: float) -> bool:
    """Do it in a thread that nobody waits for afterwards; the event loop's own would be waited for."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def run() -> None:
        try:
            work()
        except Exception:  # noqa: BLE001 - the edge of a thread
            _log.exception("the last spans are lost")
        with suppress(RuntimeError):  # the loop may be closed by then
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="last-spans", daemon=True).start()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await done.wait()
    return done.is_set()
