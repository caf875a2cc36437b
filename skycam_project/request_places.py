"""How many requests are worked on at a time, in all and of one address; others wait a little for their turn."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import Any

from core.addresses import block_of
from core.refusals import count_refusal

PATIENCE_S = 5.0
MOST_WAITING = 1000


class TooManyRequests(Exception):
    """No place came free in time."""


class RequestPlaces:
    """Used by one event loop. Who waits gets a place in the order of coming, except that one whose address has all its
    places lets others go first."""

    def __init__(self, most: int, most_of_an_address: int, patience_s: float = PATIENCE_S) -> None:
        self.most, self.most_of_an_address, self.patience_s = most, most_of_an_address, patience_s
        self._taken: Counter[str] = Counter()
        self._waiting: deque[tuple[str, asyncio.Future[None]]] = deque()

    async def take(self, scope: Any) -> str:
        """A place; what comes back gives it back. TooManyRequests."""
        address = block_of((scope.get("client") or ("",))[0])
        if self._is_free(address):
            self._taken[address] += 1
            return address
        if len(self._waiting) >= MOST_WAITING:
            count_refusal("requests")
            raise TooManyRequests
        await self._wait(address)
        return address

    async def _wait(self, address: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((address, turn))
        try:
            async with asyncio.timeout(self.patience_s):
                await turn
        except TimeoutError:
            self._give_up(address, turn)
            count_refusal("requests")
            raise TooManyRequests from None
        except asyncio.CancelledError:
            self._give_up(address, turn)
            raise

    def _give_up(self, address: str, turn: asyncio.Future[None]) -> None:
        """Out of the line; a place that came at the same moment goes to the next."""
        if turn.done() and not turn.cancelled():
            self.give_back(address)
        else:
            self._waiting.remove((address, turn))

    def give_back(self, address: str) -> None:
        self._taken[address] -= 1
        if not self._taken[address]:
            del self._taken[address]
        for place, (waiting, turn) in enumerate(self._waiting):
            if not turn.done() and self._is_free(waiting):
                del self._waiting[place]
                self._taken[waiting] += 1
                turn.set_result(None)
                return

    def _is_free(self, address: str) -> bool:
        return self._taken.total() < self.most and self._taken[address] < self.most_of_an_address
