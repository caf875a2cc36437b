"""What there is once in each event loop, and so once in each web process."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

Singleton = TypeVar("Singleton")
_singletons: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[type, Any]] = WeakKeyDictionary()


def loop_singleton(kind: type[Singleton]) -> Singleton:
    """The running loop's own `kind`, made when it is first asked for."""
    singletons = _singletons.setdefault(asyncio.get_running_loop(), {})
    if kind not in singletons:
        singletons[kind] = kind()
    found: Singleton = singletons[kind]
    return found


def set_loop_singleton(singleton: Any) -> None:
    """Have this one in the running loop: made with something else than its defaults."""
    _singletons.setdefault(asyncio.get_running_loop(), {})[type(singleton)] = singleton
