from __future__ import annotations

from pathlib import Path

import pytest

from .fake_cluster import FakeCluster


@pytest.fixture
def cluster(tmp_path: Path) -> FakeCluster:
    return FakeCluster(tmp_path)
