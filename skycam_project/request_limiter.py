"""Limits how many requests run at a time, in total and per address; others wait a few seconds for a slot."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import Any

from core.addresses import client_network
from core.limits.refusals import count_refusal

TIMEOUT_S = 5.0
MAX_WAITING = 1000


class TooManyRequests(Exception):
    """No slot became free in time."""


class RequestLimiter:
    """Used by one event loop. Slots go to waiting requests in the order of their arrival, except that a request whose
    address is at its limit lets others go first."""

    def __init__(self, most: int, most_per_address: int, timeout_s: float = TIMEOUT_S) -> None:
        self.most, self.most_per_address, self.timeout_s = most, most_per_address, timeout_s
        self._active: Counter[str] = Counter()
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()

    @property
    def active(self) -> dict[str, int]:
        """How many requests run, by address; an address without one is not listed."""
        return dict(self._active)

    async def acquire(self, scope: Any) -> str:
        """Acquire a slot; pass the returned key to `release`. Raises TooManyRequests."""
        address = client_network((scope.get("client") or ("",))[0])
        # It overtakes no one: release() has offered every free slot to the queue, so all who wait are at their
        # address's limit.
        if self._has_slot(address):
            self._active[address] += 1
            return address
        if len(self._waiting) >= MAX_WAITING:
            count_refusal("requests")
            raise TooManyRequests
        await self._wait(address)
        return address

    async def _wait(self, address: str) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((address, waiter))
        try:
            async with asyncio.timeout(self.timeout_s):
                await waiter
        except TimeoutError:
            self._leave_queue(address, waiter)
            count_refusal("requests")
            raise TooManyRequests from None
        except asyncio.CancelledError:
            self._leave_queue(address, waiter)
            raise

    def _leave_queue(self, address: str, waiter: asyncio.Future[None]) -> None:
        """Leave the queue. A slot that arrived at the same moment goes to the next request."""
        if waiter.done() and not waiter.cancelled():
            self.release(address)
        else:
            self._waiting.remove((address, waiter))

    def release(self, address: str) -> None:
        self._active[address] -= 1
        if not self._active[address]:
            # An entry for each address ever seen would grow without limit.
            del self._active[address]
        for index, (waiting, waiter) in enumerate(self._waiting):
            # A waiter that has timed out or was cancelled stays in the queue until its task runs again.
            if not waiter.done() and self._has_slot(waiting):
                del self._waiting[index]
                self._active[waiting] += 1
                waiter.set_result(None)
                return

    def _has_slot(self, address: str) -> bool:
        return self._active.total() < self.most and self._active[address] < self.most_per_address
