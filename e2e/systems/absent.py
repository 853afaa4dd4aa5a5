"""What cannot be done to a cluster from outside. Scenarios that need it are skipped there, with the reason."""

from __future__ import annotations

from enum import Enum
from typing import NoReturn

import pytest


class Absent(Enum):
    """docs/limits.md lists them for readers."""

    BROKER_PROXY = (
        "the chart says where the relay finds its broker: nothing can stand between and fail on command"
    )
    DATABASE_PROXY = (
        "the Secret says where analytics finds its database: nothing can keep answers back between them"
    )
    OTHER_VALUES = "a release with other values would be a second one, and a cluster has one at a time"
    TOPICS = "this Broker class keeps no topics"


def cannot(what: Absent) -> NoReturn:
    """Skip the scenario that asked."""
    pytest.skip(f"not on a cluster: {what.value}")
