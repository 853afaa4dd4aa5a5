"""The issuer's keys, kept for a bounded time while the issuer is down."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet

from task_api.auth.discovery import Fetch, KeysUnreadable
from task_api.errors import IssuerUnavailable

logger = logging.getLogger(__name__)

# While no key is known, each request may ask; this often the question is passed on.
_FIRST_COOLDOWN_SECONDS = 1


class Keys:
    """Fetches on first use, refreshes in the background, and never more than once at a time."""

    def __init__(
        self,
        fetch: Fetch,
        *,
        refresh: float,
        max_age: float,
        cooldown: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._refresh = refresh
        self._max_age = max_age
        self._cooldown = cooldown
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched_at = self._tried_at = float("-inf")
        self._running: asyncio.Task[None] | None = None
        self.generation = 0  # grows with every change of the keys, so that proofs by old ones can be dropped

    @property
    def usable(self) -> bool:
        return self._clock() - self._fetched_at < self._max_age

    async def current(self) -> KeySet:
        """Raise IssuerUnavailable where no key is known, or none younger than the maximum age."""
        if not self.usable:
            await self._try_to_refresh(_FIRST_COOLDOWN_SECONDS)
        elif self._clock() - self._fetched_at >= self._refresh and self._may_try(self._cooldown):
            self._start()
        if self._keys is None or not self.usable:
            raise IssuerUnavailable("The keys of the token issuer are not known; try again.")
        return self._keys

    async def with_kid(self, kid: str | None) -> KeySet:
        """Ask the issuer about a key id nobody knows, but not for every request that invents one."""
        keys = await self.current()
        try:
            keys.get_by_kid(kid)
        except InvalidKeyIdError:
            await self._try_to_refresh(self._cooldown)
            return await self.current()
        return keys

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    def _may_try(self, cooldown: float) -> bool:
        idle = self._running is None or self._running.done()
        return idle and self._clock() - self._tried_at >= cooldown

    async def _try_to_refresh(self, cooldown: float) -> None:
        if self._may_try(cooldown):
            self._start()
        if self._running is not None and not self._running.done():
            await asyncio.shield(self._running)

    def _start(self) -> None:
        self._tried_at = self._clock()
        self._running = asyncio.create_task(self._replace())

    async def _replace(self) -> None:
        try:
            keys = await self._fetch()
        except KeysUnreadable as error:
            logger.warning("the issuer's keys cannot be read: %s", error)
        else:
            if self._keys is None or keys.as_dict() != self._keys.as_dict():
                self.generation += 1
            self._keys = keys
            self._fetched_at = self._clock()
