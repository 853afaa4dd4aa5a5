"""Where the code in an image came from, for its labels."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def revision(root: Path) -> str:
    """The commit, marked when the checkout differs from it; empty without one."""
    return _git(root, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def source(root: Path) -> str:
    """The public address of the repository; empty for a folder, which says nothing to anybody else."""
    remote = _git(root, "config", "--get", "remote.origin.url")
    # Neither the user nor a token that stands in the address may reach an image.
    match = re.fullmatch(r"(?:https?://|ssh://)(?:[^@/]*@)?([\w.:-]+)/(.+?)(?:\.git)?/?", remote)
    match = match or re.fullmatch(r"(?:[\w-]+@)([\w.-]+):(.+?)(?:\.git)?/?", remote)
    return f"https://{match[1]}/{match[2]}" if match else ""


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", root, *arguments], capture_output=True, text=True, check=False, timeout=30
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
