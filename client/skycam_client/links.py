"""Carry out single steps, with a connection of httpx: one way that waits, and one that is awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Self

import httpx

from skycam_client.steps import Outcome, Read, Run, Send, Step, Wait


def request_of(http: httpx.Client | httpx.AsyncClient, send: Send) -> httpx.Request:
    timeout = http.timeout
    if send.read_timeout_s is not None:
        timeout = httpx.Timeout(timeout.connect, read=send.read_timeout_s)
    return http.build_request(send.method, send.path, json=send.body, headers=send.headers, timeout=timeout)


class Link:
    """The steps of one call. It holds at most one streamed answer."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._streamed: httpx.Response | None = None
        self._chunks: Iterator[bytes] = iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._streamed is not None:
            self._streamed.close()

    def outcome(self, step: Step) -> Outcome:
        try:
            match step:
                case Send():
                    return Outcome(self._answer(step))
                case Read():
                    return Outcome(next(self._chunks, b""))
                case Wait():
                    time.sleep(step.seconds)
                case Run():
                    step.function()
        except httpx.RequestError as error:
            return Outcome(error=error)
        return Outcome()

    def _answer(self, send: Send) -> httpx.Response:
        self.__exit__()
        answer = self._http.send(request_of(self._http, send), stream=send.streamed)
        if send.streamed:
            self._streamed, self._chunks = answer, answer.iter_bytes()
        if answer.is_error:
            answer.read()
        return answer


class AsyncLink:
    """The same for an AsyncClient."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._streamed: httpx.Response | None = None
        self._chunks: AsyncIterator[bytes]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._streamed is not None:
            await self._streamed.aclose()

    async def outcome(self, step: Step) -> Outcome:
        try:
            match step:
                case Send():
                    return Outcome(await self._answer(step))
                case Read():
                    return Outcome(await anext(self._chunks, b""))
                case Wait():
                    await asyncio.sleep(step.seconds)
                case Run():
                    await asyncio.to_thread(step.function)
        except httpx.RequestError as error:
            return Outcome(error=error)
        return Outcome()

    async def _answer(self, send: Send) -> httpx.Response:
        await self.__aexit__()
        answer = await self._http.send(request_of(self._http, send), stream=send.streamed)
        if send.streamed:
            self._streamed, self._chunks = answer, answer.aiter_bytes()
        if answer.is_error:
            await answer.aread()
        return answer
