"""Ports of far ends."""

from __future__ import annotations

import socket

from tests.harness.waiting import PATIENCE_S


def accepts(port: int) -> bool:
    """Whether a program of this machine accepts connections on it."""
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE_S).close()
    except OSError:
        return False
    return True
