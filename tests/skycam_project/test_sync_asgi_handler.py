"""Requests in one call on a thread, and streams that end with their client."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from skycam_project.sync_asgi_handler import SyncASGIHandler
from tests.harness.waiting import PATIENCE_S


class Trace:
    """What happened, in order, with the thread on which it happened."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int]] = []

    def note(self, step: str) -> None:
        self.steps.append((step, threading.get_ident()))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.steps]

    def threads(self, *names: str) -> set[int]:
        return {thread for name, thread in self.steps if name in names}


trace = Trace()


def plain(request: HttpRequest) -> HttpResponse:
    trace.note("view")
    return HttpResponse(request.body + b" came")


async def asynchronous(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0)
    trace.note("view")
    return HttpResponse("asynchronous")


async def chunks() -> AsyncIterator[bytes]:
    try:
        while True:
            yield b"chunk"
            await asyncio.sleep(0)
    finally:
        trace.note("end of the stream")


async def broken_chunks() -> AsyncIterator[bytes]:
    yield b"chunk"
    raise OSError("The disk is gone.")


def rows() -> Iterator[str]:
    """More than anybody has the memory for."""
    for number in itertools.count():
        trace.note("row")
        yield f"row {number}\n"


urlpatterns = [
    path("rows/", lambda request: StreamingHttpResponse(rows())),
    path("two_rows/", lambda request: StreamingHttpResponse(itertools.islice(rows(), 2))),
    path("plain/", plain),
    path("asynchronous/", asynchronous),
    path("endless/", lambda request: StreamingHttpResponse(chunks())),
    path("broken/", lambda request: StreamingHttpResponse(broken_chunks())),
]


class Client:
    """The other side of an ASGI connection. It disconnects when `leaves` is set."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self.messages = list(messages)
        self.leaves = asyncio.Event()
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        if self.messages:
            return self.messages.pop(0)
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        trace.note(message["type"])
        self.sent.append(message)
        if len(self.sent) > 5:
            self.leaves.set()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


BODY = {"type": "http.request", "body": b"all", "more_body": False}


async def request(where: str, client: Client, method: str = "POST") -> Client:
    scope = {"type": "http", "method": method, "path": where, "headers": [], "query_string": b"", "root_path": ""}
    async with asyncio.timeout(PATIENCE_S):
        await SyncASGIHandler()(scope, client.receive, client.send)
    return client


def noting(step: str) -> Any:
    return lambda **_: trace.note(step)


@pytest.fixture(autouse=True)
def _traced() -> Iterator[None]:
    trace.steps.clear()
    receivers: list[tuple[Signal, Any]] = [
        (request_started, noting("started")),
        (request_finished, noting("finished")),
    ]
    for signal, receiver in receivers:
        signal.connect(receiver)
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[], ALLOWED_HOSTS=["*"]):
        yield
    for signal, receiver in receivers:
        signal.disconnect(receiver)


async def test_a_request_is_handled_and_closed_on_one_thread_before_its_response_is_sent() -> None:
    client = await request("/plain/", Client(dict(BODY)))
    assert client.body == b"all came"
    assert trace.names == ["started", "view", "finished", "http.response.start", "http.response.body"]
    assert len(trace.threads("started", "view", "finished")) == 1
    assert threading.get_ident() not in trace.threads("started", "view", "finished")


async def test_an_asynchronous_view_runs_on_the_event_loop() -> None:
    client = await request("/asynchronous/", Client(dict(BODY)))
    assert client.body == b"asynchronous"
    assert trace.threads("view") == {threading.get_ident()}


async def test_a_client_that_disconnects_before_its_body_has_come_gets_no_response() -> None:
    client = await request("/plain/", Client({"type": "http.disconnect"}))
    assert not client.sent
    assert trace.names == []


async def test_a_stream_ends_when_its_client_disconnects() -> None:
    client = await request("/endless/", Client(dict(BODY)))
    assert client.body.startswith(b"chunkchunk")
    assert trace.names.index("end of the stream") < trace.names.index("finished")


async def test_a_stream_that_fails_is_an_error_of_the_request() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await request("/broken/", Client(dict(BODY)))
    assert caught.group_contains(OSError, match="The disk is gone")
    assert trace.names[-1] == "finished"


async def test_rows_are_read_on_the_threads_of_requests_while_they_are_sent() -> None:
    client = await request("/rows/", Client(dict(BODY)))
    assert client.body.startswith(b"row 0\nrow 1\n")
    assert len(trace.threads("row", "finished")) == 1
    assert threading.get_ident() not in trace.threads("row")
    assert trace.names[-1] == "finished"


async def test_rows_are_sent_until_the_last_in_few_messages() -> None:
    client = await request("/two_rows/", Client(dict(BODY)))
    assert [message["body"] for message in client.sent if message.get("body")] == [b"row 0\nrow 1\n"]
