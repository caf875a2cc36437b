"""The two clients. Each carries out the steps of its calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Self, TypeVar

import httpx

from skycam_client.calls import ClientBase
from skycam_client.groups import Groups
from skycam_client.links import AsyncLink, Link
from skycam_client.steps import End, Give, ManySteps, Steps, advance

T = TypeVar("T")
CONNECT_TIMEOUT_S = 10.0


def options(url: str, token: str, timeout_s: float) -> dict[str, Any]:
    """Of a connection of httpx."""
    return {
        "base_url": url,
        "headers": {"User-Agent": "skycam-client"} | ({"Authorization": f"Bearer {token}"} if token else {}),
        "timeout": httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
        "follow_redirects": True,
    }


class Client(ClientBase, Groups["Client"]):
    """A station's API. `url` is that of its pages, such as `http://station:8080`; `token` is one of its tokens.
    `timeout_s`: how long an answer may take. `retry_for_s`: how long a request without an answer is sent again, if that
    does no harm.

    Threads may share a client."""

    def __init__(self, url: str, token: str = "", *, timeout_s: float = 30.0, retry_for_s: float = 60.0) -> None:
        Groups.__init__(self, self)
        self.retry_for_s = retry_for_s
        self._http = httpx.Client(**options(url, token, timeout_s))

    def run(self, steps: Steps[T]) -> T:
        """The result of the steps."""
        with Link(self._http) as link:
            step = advance(steps)
            while not isinstance(step, End):
                assert not isinstance(step, Give)
                step = advance(steps, link.outcome(step))
            return step.value

    def iterate(self, steps: ManySteps[T]) -> Iterator[T]:
        """What the steps give, one by one."""
        with Link(self._http) as link:
            step = advance(steps)
            while not isinstance(step, End):
                if isinstance(step, Give):
                    yield step.value
                    step = advance(steps)
                else:
                    step = advance(steps, link.outcome(step))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(ClientBase, Groups["AsyncClient"]):
    """As `Client`, for programs with an event loop: calls are awaited, and lists are read with `async for`."""

    def __init__(self, url: str, token: str = "", *, timeout_s: float = 30.0, retry_for_s: float = 60.0) -> None:
        Groups.__init__(self, self)
        self.retry_for_s = retry_for_s
        self._http = httpx.AsyncClient(**options(url, token, timeout_s))

    async def run(self, steps: Steps[T]) -> T:
        """The result of the steps."""
        async with AsyncLink(self._http) as link:
            step = advance(steps)
            while not isinstance(step, End):
                assert not isinstance(step, Give)
                step = advance(steps, await link.outcome(step))
            return step.value

    async def iterate(self, steps: ManySteps[T]) -> AsyncIterator[T]:
        """What the steps give, one by one."""
        async with AsyncLink(self._http) as link:
            step = advance(steps)
            while not isinstance(step, End):
                if isinstance(step, Give):
                    yield step.value
                    step = advance(steps)
                else:
                    step = advance(steps, await link.outcome(step))

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
