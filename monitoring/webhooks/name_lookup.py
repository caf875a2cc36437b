"""Looks names up within a deadline. The system's resolver has none: it may wait for half a minute. Django-free."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue

from core.outgoing import Endpoint, OutgoingGuard
from core.outgoing_request import left_s

MAX_LOOKUPS = 16
_slots = threading.BoundedSemaphore(MAX_LOOKUPS)


def resolve_within(guard: OutgoingGuard, host: str, port: int, until: float) -> Endpoint:
    """The allowed addresses of `host`. Raises AddressRefused, OSError for an unknown name, and TimeoutError after the
    time `until` of `time.monotonic()`, and while too many earlier look-ups hang."""
    # A look-up cannot be ended from outside. It keeps its slot until the resolver returns, so that hanging ones do not
    # become any number of threads.
    if not _slots.acquire(timeout=left_s(until)):
        raise TimeoutError
    found: SimpleQueue[Endpoint | Exception] = SimpleQueue()
    threading.Thread(target=_look_up, args=(guard, host, port, found), name="name-lookup", daemon=True).start()
    try:
        result = found.get(timeout=left_s(until))
    except Empty:
        raise TimeoutError from None
    if isinstance(result, Exception):
        raise result
    return result


def _look_up(guard: OutgoingGuard, host: str, port: int, found: SimpleQueue[Endpoint | Exception]) -> None:
    try:
        found.put(guard.resolve(host, port))
    # ValueError: AddressRefused, and names that cannot be encoded.
    except (OSError, ValueError) as error:
        found.put(error)
    finally:
        _slots.release()
