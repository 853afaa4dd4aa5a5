"""Several things at once, of which one failure is the failure of all."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from knative_local.errors import KnativeLocalError


async def together(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Raise the first failure itself, not a group of them; the rest is cancelled."""
    try:
        async with asyncio.TaskGroup() as group:
            for coroutine in work:
                group.create_task(coroutine)
    except* KnativeLocalError as failures:
        first = failures.exceptions[0]
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        failure = first
    else:
        return
    raise failure
