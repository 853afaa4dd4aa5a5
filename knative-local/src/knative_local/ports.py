"""TCP ports of this machine's loopback interface."""

from __future__ import annotations

import socket

from knative_local.errors import UsageError

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A port nobody listens on now; whoever uses it must still expect to find it taken."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def bind(port: int) -> socket.socket:
    """Take the port (0: a free one) before anything is started; UsageError when another program has it."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        raise UsageError(f"port {port} cannot be used: {error.strerror}") from None
    return listener
