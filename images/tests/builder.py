"""buildah with a storage of its own, and an image run as a pod runs it: its user, process 1, nothing writable."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from images.dockerfiles import ROOT

# In a mount namespace of its own: the image's files cannot be changed but where the chart mounts a volume.
INSIDE = """
set -eu
root=$1 owner=$2; shift 2
mount --bind "$root" "$root"
while [ "$1" != -- ]; do mkdir -p "$root$1"; mount -t tmpfs -o uid=$owner,mode=0700 tmpfs "$root$1"; shift; done
shift
mkdir -p "$root/dev" "$root/proc"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root"
exec env -i "$@"
"""


class Image(NamedTuple):
    """A container of it: its files may be changed, and no other container sees that."""

    config: Mapping[str, Any]
    root: Path


class Builder:
    """Everything lies below one folder, and goes with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.environment = {**os.environ, "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf")}
        # vfs copies where overlay cannot be had, as inside many containers.
        for driver in ("overlay", "vfs"):
            places = f'graphroot = "{folder}/{driver}/root"\nrunroot = "{folder}/{driver}/run"'
            (folder / "storage.conf").write_text(f'[storage]\ndriver = "{driver}"\n{places}\n')
            if (
                subprocess.run(
                    ["buildah", "info"], capture_output=True, env=self.environment, check=False
                ).returncode
                == 0
            ):
                return
        raise AssertionError("buildah can store nothing here")

    def buildah(self, *arguments: str | Path) -> str:
        done = subprocess.run(
            ["buildah", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=self.environment,
            timeout=300,
        )
        assert done.returncode == 0, f"buildah {arguments}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        return done.stdout.strip()

    def make_images(self, *arguments: str) -> str:
        """What `make images` runs, with the words of buildah that a machine without namespaces needs."""
        chroot = "--args=--isolation chroot --network host --pull-never"
        command = [sys.executable, "-m", "images", "build", "--engine=buildah", chroot, *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=ROOT, env=self.environment, timeout=800
        )
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def image(self, reference: str) -> Image:
        config = json.loads(self.buildah("inspect", "--type=image", reference))["OCIv1"]["config"]
        root = Path(self.buildah("mount", self.buildah("from", "--pull-never", reference)))
        return Image(config, root)

    def compressed(self, reference: str) -> int:
        """The size of what a registry would hold: its layers are compressed on the way."""
        (self.folder / "pushed").mkdir(exist_ok=True)
        layout = self.folder / "pushed" / reference.replace("/", "_").replace(":", "_")
        self.buildah("push", "--format=oci", reference, f"oci:{layout}:pushed")
        return sum(path.stat().st_size for path in (layout / "blobs").rglob("*") if path.is_file())


@contextlib.contextmanager
def running(
    image: Image, arguments: Sequence[str], environment: Mapping[str, str], writable: Sequence[str] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Start it; it is killed at the end, unless it ended before."""
    user, variables = (
        image.config["User"],
        [*image.config["Env"], *(f"{k}={v}" for k, v in environment.items())],
    )
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private"]
    prepare = ["sh", "-c", INSIDE, "sh", str(image.root), user.partition(":")[0], *writable, "--"]
    # By its path: PATH is the image's from here on, and names no folder of this machine.
    enter = [shutil.which("chroot") or "chroot", f"--userspec={user}", str(image.root)]
    words = [*namespaces, *prepare, *variables, *enter, *image.config["Entrypoint"], *arguments]
    process = subprocess.Popen(words)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def first_process(process: subprocess.Popen[bytes]) -> int:
    """Process 1 of the image, by its number out here."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (first,) = map(int, children)
    return first


def terminate(process: subprocess.Popen[bytes]) -> int:
    """SIGTERM to process 1 of the image, as a kubelet sends it; its exit code."""
    os.kill(first_process(process), signal.SIGTERM)
    return process.wait(30)


def unavailable() -> str:
    """Why it cannot run here, or nothing."""
    if sys.platform != "linux":
        return "containers are made of Linux"
    if not shutil.which("buildah"):
        return "buildah is not installed"
    if os.geteuid() != 0:
        return "this user is not root, who alone may mount an image"
    if subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True, check=False
    ).returncode:
        return "root may make no namespaces here"
    return ""
