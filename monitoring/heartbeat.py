"""How a part tells the launcher that it works: a byte on an inherited pipe.

A pipe needs neither broker nor disk, and a byte in it means that the very loop which wrote it is turning.
Imports no Django.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable
from functools import cache

FD_VARIABLE = "SKYCAM_HEARTBEAT_FD"
EVERY_S = 1.0
_last = 0.0


def send_heartbeat() -> None:
    """Tell the launcher that the caller's loop turns. Cheap, from any thread; does nothing without a launcher."""
    global _last
    fd, now = _pipe(), time.monotonic()
    if fd is None or now - _last < EVERY_S / 2:
        return
    _last = now
    try:
        os.write(fd, b".")
    except BlockingIOError:
        return  # the launcher has not read yet; what is in the pipe says enough
    except BrokenPipeError:
        return  # the launcher is gone, and the kernel is about to end this part too


def start_heartbeat_thread(alive: Callable[[], bool] = lambda: True) -> threading.Thread:
    """Beat each second for as long as `alive()` says so. For a part whose main loop stops while the broker is away."""

    def run() -> None:
        while True:
            if alive():
                send_heartbeat()
            time.sleep(EVERY_S)

    thread = threading.Thread(target=run, name="heartbeat", daemon=True)
    thread.start()
    return thread


async def send_heartbeats(alive: Callable[[], bool]) -> None:
    """Beat each second from the running event loop, for as long as `alive()` says so."""
    while True:
        if alive():
            send_heartbeat()
        await asyncio.sleep(EVERY_S)


@cache
def _pipe() -> int | None:
    text = os.environ.get(FD_VARIABLE)
    if not text:
        return None
    fd = int(text)
    os.set_inheritable(fd, False)
    os.set_blocking(fd, False)
    return fd
