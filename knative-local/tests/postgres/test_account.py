from __future__ import annotations

from pathlib import Path

import pytest

from knative_local.postgres.account import NOBODY, Account, needed


@pytest.fixture
def open_folder() -> Path:
    return Path("/")


def test_a_user_runs_postgresql_itself(open_folder: Path) -> None:
    assert needed((open_folder,), user=1000) is None


def test_root_lends_an_account_without_any_right(open_folder: Path) -> None:
    assert needed((open_folder,), user=0) == Account(NOBODY, NOBODY, passes_closed_folders=False)


def test_only_a_closed_folder_on_the_way_needs_the_capability(tmp_path: Path, open_folder: Path) -> None:
    inner = tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o700)

    assert needed((open_folder, inner), user=0) == Account(NOBODY, NOBODY, passes_closed_folders=True)
