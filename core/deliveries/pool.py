"""`ReceiverPool`: which receivers have a thread of this process, fair to those that work. Django-free."""

from __future__ import annotations

import threading
from collections.abc import Hashable


class ReceiverPool:
    """At most `size` receivers at a time, each once. At most `failing` of them fail or are slow, so that those that
    hang leave room for the others. Any thread may call it."""

    def __init__(self, size: int, failing: int | None = None) -> None:
        self._size, self._failing = size, size if failing is None else failing
        self._changed = threading.Condition()
        self._busy: dict[Hashable, bool] = {}
        """Receivers with a thread -> whether it was failing or slow. Under the lock."""
        self._slow = set[Hashable]()
        """Those whose last attempt was slow. Under the lock."""

    def reserve(self, receiver: Hashable, *, is_failing: bool = False) -> bool:
        """A thread for the receiver; False if it has one, or if none is left for it."""
        with self._changed:
            is_failing = is_failing or receiver in self._slow
            full = len(self._busy) >= self._size or (is_failing and sum(self._busy.values()) >= self._failing)
            if full or receiver in self._busy:
                return False
            self._busy[receiver] = is_failing
            return True

    def release(self, receiver: Hashable, *, was_slow: bool | None = None) -> None:
        """The end of its attempt. `was_slow`: None if that is not known."""
        with self._changed:
            del self._busy[receiver]
            if was_slow is not None:
                (self._slow.add if was_slow else self._slow.discard)(receiver)
            self._changed.notify_all()

    def is_full(self) -> bool:
        with self._changed:
            return len(self._busy) >= self._size

    def wait_until_empty(self, within_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, within_s)
