"""What there is once in each event loop, and so once in each web process."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

Thing = TypeVar("Thing")
_things: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[type, Any]] = WeakKeyDictionary()


def of_this_loop(kind: type[Thing]) -> Thing:
    """The running loop's own `kind`, made when it is first asked for."""
    things = _things.setdefault(asyncio.get_running_loop(), {})
    if kind not in things:
        things[kind] = kind()
    found: Thing = things[kind]
    return found


def put(thing: Any) -> None:
    """Have this one in the running loop: made with something else than its defaults."""
    _things.setdefault(asyncio.get_running_loop(), {})[type(thing)] = thing
