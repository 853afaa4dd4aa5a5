"""Labels that tell where an image came from, and nothing that is nobody's business."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from images import origin


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "--message=one")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    identity = {
        f"GIT_{who}_{what}": "a@b.test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", "-C", folder, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout.strip()


def test_the_revision_is_the_commit_and_says_when_files_differ(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "v1")
    assert origin.revision(repository) == commit
    (repository / "file").write_text("two")
    assert origin.revision(repository) == f"{commit}-dirty"


@pytest.mark.parametrize(
    ("remote", "said"),
    [
        ("https://git.test/team/system.git", "https://git.test/team/system"),
        ("https://somebody:secret@git.test/team/system", "https://git.test/team/system"),
        ("git@git.test:team/system.git", "https://git.test/team/system"),
        ("ssh://git@git.test/team/system.git", "https://git.test/team/system"),
        ("/home/somebody/system", ""),
        ("file:///home/somebody/system", ""),
    ],
)
def test_the_source_is_a_public_address_without_a_login(repository: Path, remote: str, said: str) -> None:
    git(repository, "remote", "add", "origin", remote)
    assert origin.source(repository) == said


def test_a_folder_without_a_repository_has_neither(tmp_path: Path) -> None:
    assert (origin.revision(tmp_path), origin.source(tmp_path)) == ("", "")
