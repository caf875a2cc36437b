"""`core.background`: tasks that outlive their starter."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging

import pytest
from prometheus_client import REGISTRY

from core.background import log_and_continue, start_background_task
from tests.harness.waiting import PATIENCE_S

request = contextvars.ContextVar("request", default="none")


def failures(task: str) -> float:
    return REGISTRY.get_sample_value("skycam_background_failures_total", {"task": task}) or 0.0


async def seen_request() -> str:
    return request.get()


async def fail() -> None:
    raise LookupError("gone")


async def test_a_task_does_not_run_in_the_context_of_the_request_that_started_it() -> None:
    request.set("the first viewer's")
    assert await start_background_task(seen_request(), "looking") == "none"


async def test_a_task_without_other_references_still_finishes() -> None:
    done, begun = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.sleep(0)
        done.set()

    start_background_task(work(), "unheld")
    await begun.wait()
    gc.collect()
    await asyncio.wait_for(done.wait(), PATIENCE_S)


async def test_an_error_that_ends_a_task_is_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    before = failures("ends")
    await asyncio.wait([start_background_task(fail(), "ends")])
    assert failures("ends") == before + 1
    assert "ends failed" in caplog.text
    assert "LookupError: gone" in caplog.text


def test_a_loop_continues_after_an_error(caplog: pytest.LogCaptureFixture) -> None:
    before = failures("rounds")
    for _ in range(3):
        with log_and_continue("rounds"):
            raise LookupError
    assert failures("rounds") == before + 3
    assert [record.levelno for record in caplog.records] == 3 * [logging.ERROR]


def test_an_error_that_the_caller_must_see_is_raised() -> None:
    with pytest.raises(KeyError), log_and_continue("rounds", unless=(KeyError,)):
        raise KeyError


async def test_a_task_that_is_cancelled_counts_as_no_error() -> None:
    task = start_background_task(asyncio.Event().wait(), "cancelled")
    task.cancel()
    await asyncio.wait([task])
    assert failures("cancelled") == 0
