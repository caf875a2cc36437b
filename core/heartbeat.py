"""Heartbeats from a part to the launcher: bytes on an inherited pipe.

A pipe needs neither broker nor disk, and a byte proves that the loop which wrote it is running. Imports no Django.
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
    """Tell the launcher that the caller's loop is running. Cheap, from any thread; does nothing without a launcher."""
    global _last
    fd, now = _pipe(), time.monotonic()
    # Several loops of a part may call it. No lock: a second byte does no harm.
    if fd is None or now - _last < EVERY_S / 2:
        return
    _last = now
    try:
        os.write(fd, b".")
    except BlockingIOError:
        return  # the pipe is full, since the launcher has not read yet: it holds heartbeats enough
    except BrokenPipeError:
        return  # the launcher is gone; the kernel ends this part, too


def start_heartbeat_thread(alive: Callable[[], bool] = lambda: True) -> threading.Thread:
    """Send a heartbeat each second while `alive()`. For a part whose main loop stops while the broker is away."""

    def run() -> None:
        while True:
            if alive():
                send_heartbeat()
            time.sleep(EVERY_S)

    thread = threading.Thread(target=run, name="heartbeat", daemon=True)
    thread.start()
    return thread


async def send_heartbeats(alive: Callable[[], bool]) -> None:
    """Send a heartbeat each second from the running event loop, while `alive()`."""
    while True:
        if is_alive := alive():
            send_heartbeat()
        # The first one comes soon after the start: until then the launcher takes the part for starting.
        await asyncio.sleep(EVERY_S if is_alive else EVERY_S / 20)


@cache
def _pipe() -> int | None:
    text = os.environ.get(FD_VARIABLE)
    if not text:
        return None
    fd = int(text)
    # Children of this part, such as camera processes, must not hold the pipe open after its end.
    os.set_inheritable(fd, False)
    os.set_blocking(fd, False)
    return fd
