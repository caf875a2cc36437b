"""Background tasks that outlive their starter, and loops that continue after errors."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

from prometheus_client import Counter

log = logging.getLogger(__name__)
Result = TypeVar("Result")
FAILURES = Counter("skycam_background_failures_total", "Errors in what a process does in the background.", ["task"])

_running: set[asyncio.Task[Any]] = set()
"""Strong references: the event loop holds tasks weakly, so a task without another reference may vanish."""


def start_background_task(work: Coroutine[Any, Any, Result], name: str) -> asyncio.Task[Result]:
    """Start a task in a new context. In a request's context its database calls would fail once the request has ended.
    An error that ends the task is logged and counted under `name`."""
    task = asyncio.create_task(work, name=name, context=contextvars.Context())
    _running.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled() and (error := task.exception()):
        count_failure(task.get_name(), error)


@contextlib.contextmanager
def log_and_continue(name: str, unless: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """For one iteration of a loop: an error is logged and counted under `name`, and the loop continues. Those of
    `unless` are raised."""
    try:
        yield
    except unless:
        raise
    except Exception as error:  # noqa: BLE001 - logged and counted
        count_failure(name, error)


def count_failure(name: str, error: BaseException) -> None:
    """Count the error and log it with its traceback. The log handler limits a repeated error to once a minute."""
    FAILURES.labels(name).inc()
    log.error("%s failed.", name, exc_info=error)
