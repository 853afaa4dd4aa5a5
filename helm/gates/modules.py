"""Released sources as Go modules: the one registry that has the CRDs of every component, with checksums."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from .finding import GateError


@cache
def folder_of(module: str) -> Path:
    """Where `path@version` lies after a download; Go keeps it and checks its sum in the public database."""
    go = shutil.which("go")
    if go is None:
        raise GateError(f"Go is missing, and with it the CRDs of {module}.")
    with tempfile.TemporaryDirectory() as empty:  # outside any module: nothing of ours is resolved
        done = subprocess.run(
            [go, "mod", "download", "-json", module],
            cwd=empty,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    told = json.loads(done.stdout or "{}")
    if done.returncode != 0 or "Dir" not in told:
        reason = str(told.get("Error") or done.stderr).strip().splitlines()
        raise GateError(f"{module} could not be downloaded: {reason[0] if reason else 'no answer'}")
    return Path(told["Dir"])
