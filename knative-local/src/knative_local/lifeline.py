"""A child ends with its parent, even when the parent is killed -9.

Linux tells a child that its parent died (``PR_SET_PDEATHSIG``). Other systems have nothing like it;
there the next start on the same folder ends what was left.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def libc() -> ctypes.CDLL:
    """The C library of this process, with errno kept for `check`."""
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux":
        library.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    return library


def check(result: int) -> None:
    """Turn the -1 of a C call into the OSError that Python would have raised."""
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def tied(
    death_signal: signal.Signals = signal.SIGKILL, before: Callable[[], None] | None = None
) -> Callable[[], None]:
    """A ``preexec_fn`` after which the child gets `death_signal` when this process dies.

    `before` runs first because a change of user clears the setting. The kernel watches the *thread* that
    forked: start children from the main thread only.
    """
    parent = os.getpid()
    library = libc() if sys.platform == "linux" else None

    def prepare() -> None:
        if before is not None:
            before()
        if library is not None:
            check(library.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0))
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return prepare
