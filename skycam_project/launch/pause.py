"""A pause of the whole station: its parts are stopped until a client of the control socket lets them start again.

The launcher then reads its configuration again. The client's connection is the pause: if the client is killed, the
station starts again, with whatever the configuration says by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Pause:
    """`end` ends the launcher's run."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self.is_requested = False
        self._stopped, self._over = asyncio.Event(), asyncio.Event()

    async def begin(self) -> None:
        """Returns when all parts are stopped. One client at a time: the second waits for the same stop."""
        self.is_requested = True
        self._end()
        await self._stopped.wait()

    def end(self) -> None:
        self._over.set()

    async def hold(self) -> None:
        """For the launcher, whose parts are stopped: returns when the pause is over."""
        self._stopped.set()
        await self._over.wait()
