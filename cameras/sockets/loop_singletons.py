"""Objects of which each event loop, and so each web process, has one."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

Singleton = TypeVar("Singleton")
# By loop, because asyncio's locks, queues and tasks belong to one. Weak, so that they end with it.
_singletons: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[type, Any]] = WeakKeyDictionary()


def loop_singleton(kind: type[Singleton]) -> Singleton:
    """The running loop's instance of `kind`, created by the first call."""
    singletons = _singletons.setdefault(asyncio.get_running_loop(), {})
    if kind not in singletons:
        singletons[kind] = kind()
    found: Singleton = singletons[kind]
    return found


def set_loop_singleton(singleton: Any) -> None:
    """Use this instance in the running loop, such as one that was not made with defaults."""
    _singletons.setdefault(asyncio.get_running_loop(), {})[type(singleton)] = singleton
