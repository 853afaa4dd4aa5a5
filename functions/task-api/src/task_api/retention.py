"""Removes, now and then, what may be forgotten."""

from __future__ import annotations

import asyncio
import logging
import random

from task_api.errors import TaskApiError
from task_api.repository.retention import RetentionRepository

logger = logging.getLogger(__name__)

# Small enough that no other statement waits noticeably for its locks.
_BATCH = 500


async def clean_forever(repository: RetentionRepository, *, days: int, interval: float) -> None:
    """Run until cancelled; the first round comes soon, so that short-lived processes do their share."""
    pause = min(60.0, interval)
    while True:
        # Replicas that start together do not clean together.
        await asyncio.sleep(pause * (0.5 + random.random()))
        pause = interval
        try:
            await clean(repository, days=days)
        except TaskApiError as error:
            logger.warning("old rows could not be removed: %s", error)


async def clean(repository: RetentionRepository, *, days: int) -> tuple[int, int]:
    """Return how many tasks and keys are gone for good."""
    tasks = keys = 0
    while removed := await repository.remove_tasks(days, _BATCH):
        tasks += removed
    while removed := await repository.remove_keys(_BATCH):
        keys += removed
    if tasks or keys:
        logger.info("removed %d deleted tasks and %d idempotency keys", tasks, keys)
    return tasks, keys
