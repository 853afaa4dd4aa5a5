"""The user PostgreSQL runs as: it refuses root, so root lends it an unprivileged one."""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from knative_local.lifeline import check, libc

NOBODY = 65534  # the user id that owns nothing, in every distribution and container image

_PR_SET_SECUREBITS = 28
_NO_SETUID_FIXUP = (
    1 << 2
)  # a change of user keeps capabilities, and access(2), which initdb asks, counts them
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True)
class Account:
    """`passes_closed_folders` lets the process enter folders that only their owner may enter."""

    uid: int
    gid: int
    passes_closed_folders: bool

    def become(self) -> Callable[[], None]:
        """What the forked child calls: from then on it is this account."""
        library = libc()

        def change() -> None:
            if self.passes_closed_folders:
                check(library.prctl(_PR_SET_SECUREBITS, _NO_SETUID_FIXUP, 0, 0, 0))
            os.setgroups([])
            os.setresgid(self.gid, self.gid, self.gid)
            os.setresuid(self.uid, self.uid, self.uid)
            if self.passes_closed_folders:
                _keep_only(library, _CAP_DAC_OVERRIDE)

        return change

    def owns(self, path: Path) -> None:
        """Give the folder and everything in it to the account (an earlier start may have been another)."""
        if path.stat().st_uid == self.uid:
            return
        for folder, _, files in os.walk(path):
            os.chown(folder, self.uid, self.gid)
            for name in files:
                os.chown(Path(folder, name), self.uid, self.gid, follow_symlinks=False)


def needed(paths: Iterable[Path], user: int) -> Account | None:
    """The account for programs and data at `paths`; None when `user` can run PostgreSQL itself.

    Under root's home, a pytest folder or a private checkout a parent of the data is 0700. Then the process
    keeps the one capability that passes such folders. Containers grant it to root by default, unlike user
    namespaces, and nothing on the host changes.
    """
    if user != 0:
        return None
    return Account(NOBODY, NOBODY, passes_closed_folders=any(not _open_to_all(path) for path in paths))


def _open_to_all(path: Path) -> bool:
    real = path.resolve()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (real, *real.parents))


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def _keep_only(library: ctypes.CDLL, capability: int) -> None:
    """Drop every capability but one, and let that one survive exec (an *ambient* capability)."""
    bit = 1 << capability
    sets = (_Sets * 2)(_Sets(bit, bit, bit), _Sets(0, 0, 0))
    check(library.capset(ctypes.byref(_Header(_CAPABILITY_VERSION_3, 0)), sets))
    check(library.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0))
