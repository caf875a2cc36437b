"""What the tests of several files share, such as a station: started by the first file that uses it, and ended by the
first one after it that does not. An idle station would take a seventh of a core from all tests of an hour."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any


class Shared:
    """Things by name, each ended on leaving what has started it."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[Any, ExitStack]] = {}

    def get(self, name: str, start: Callable[[], AbstractContextManager[Any]]) -> Any:
        """Started, unless it is running."""
        if name not in self._running:
            exits = ExitStack()
            self._running[name] = exits.enter_context(start()), exits
        return self._running[name][0]

    def end_others(self, used: str | None) -> None:
        """End all but the one that is used."""
        for name in self._running.keys() - {used}:
            _, exits = self._running.pop(name)
            exits.close()


SHARED_STATIONS = Shared()
"""Of this worker."""
