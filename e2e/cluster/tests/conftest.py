from __future__ import annotations

from pathlib import Path

import pytest

from e2e.cluster.settings import ClusterSettings


@pytest.fixture
def settings(tmp_path: Path) -> ClusterSettings:
    return ClusterSettings(
        api_url="https://api.acme.io",
        ca_file=None,
        image_command="",
        registry="registry.acme.io/tasks",
        tag="1.2.3",
        namespace="elsewhere",
        cluster_issuer="letsencrypt-staging",
        kourier_namespace="kourier-system",
        values=None,
        artifacts=tmp_path / "artifacts",
    )
