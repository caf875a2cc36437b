"""Clients of the WebSockets with a cookie or a token, and a fake camera process that publishes pictures."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np
import redis
from channels.testing import WebsocketCommunicator
from django.conf import settings
from rest_framework.test import APIClient

from cameras.drivers.base import FrameData
from cameras.live.presets import PRESETS
from cameras.live.publisher import pack_picture
from core.broker import broker
from skycam_project.access.models import ApiToken, User
from skycam_project.asgi import application
from tests.harness.waiting import PATIENCE_S, POLL_S

HOST = "localhost:8080"
OURS = f"http://{HOST}"


class CameraProcess:
    """Publishes real JPEGs, thirty a second, of each requested quality, until `stop`."""

    def __init__(self, server: redis.Redis, slug: str) -> None:
        self.server, self.slug = server, slug
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.lowered = False
        self.jpeg = PRESETS["medium"].encode(np.full((48, 64, 3), 80, np.uint8))

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """On return all of its pictures are published."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        for number in itertools.count():
            if self._ended.wait(1 / 30):
                return
            self._publish(number)

    def _publish(self, number: int) -> None:
        frame = FrameData(np.zeros((2, 2), np.uint8), time.time_ns(), time.monotonic(), number, simulated=True)
        for quality in PRESETS:
            if self.server.exists(broker.key("want", self.slug, quality)):
                self.server.publish(
                    broker.key("live", self.slug, quality), pack_picture(frame, self.jpeg, lowered=self.lowered)
                )


def headers_of(**headers: str) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def with_token(user: User, **fields: Any) -> dict[str, str]:
    _, text = ApiToken.issue(user, **fields)
    return {"host": HOST, "authorization": f"Token {text}"}


def with_cookie(user: User, origin: str | None = OURS) -> dict[str, str]:
    client = APIClient()
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    found = {"host": HOST, "cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"}
    return found if origin is None else found | {"origin": origin}


def user_of(role: str) -> User:
    return User.objects.create_user(username=f"a-{role}", role=role)


class OpenSocket:
    """`async with OpenSocket(path, headers) as socket`: `answer` is (True, subprotocol) or (False, close code)."""

    def __init__(self, path: str, headers: dict[str, str], subprotocols: Iterable[str] = ()) -> None:
        self.path, self.headers, self.offered = path, headers, list(subprotocols)

    async def __aenter__(self) -> Self:
        self.wire = WebsocketCommunicator(application, self.path, headers_of(**self.headers), self.offered)
        self.answer = await self.wire.connect(timeout=PATIENCE_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.wire.disconnect(timeout=PATIENCE_S)

    async def send(self, content: Any) -> None:
        await self.wire.send_to(text_data=content if isinstance(content, str) else json.dumps(content))

    async def receive(self) -> Any:
        """The next message: bytes, or an object."""
        found = await self.wire.receive_from(PATIENCE_S)
        return found if isinstance(found, bytes) else json.loads(found)

    async def request(self, content: Any) -> Any:
        await self.send(content)
        return await self.receive()

    async def receive_until(self, is_wanted: Callable[[Any], bool]) -> Any:
        """The first message that is wanted; earlier ones are skipped."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_wanted(message := await self.receive()):
                pass
        return message

    async def request_until(self, content: Any, is_wanted: Callable[[Any], bool]) -> Any:
        """Repeat a request until a message is wanted. With pauses: a socket may send a limited number of messages."""
        async with asyncio.timeout(PATIENCE_S):
            while not is_wanted(message := await self.request(content)):
                await asyncio.sleep(POLL_S)  # time: the pause
        return message

    async def wait_closed(self) -> tuple[int, str]:
        """The close code and reason; earlier messages are skipped."""
        async with asyncio.timeout(PATIENCE_S):
            while (message := await self.wire.receive_output(PATIENCE_S))["type"] != "websocket.close":
                pass
        return message["code"], message["reason"]
