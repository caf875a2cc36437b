"""`stream.mjpeg` and `frame.jpg` on the feeds of the WebSockets."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async

from cameras.live import api, mjpeg
from cameras.live.mjpeg import MjpegStream, stream_parts
from cameras.models import Camera
from skycam_project.access.authentication import Principal, principal_of
from skycam_project.access.models import User
from tests.harness.clients.sockets import CameraProcess, user_of, with_token
from tests.harness.waiting import PATIENCE_S

URL = "/api/v1/cameras/sky/stream.mjpeg"


@pytest_asyncio.fixture
async def principal(camera: Camera) -> Principal:
    return principal_of(await sync_to_async(lambda: with_token(user_of("viewer")))())


@pytest_asyncio.fixture
async def parts(principal: Principal, pictures: CameraProcess) -> AsyncIterator[AsyncIterator[bytes]]:
    async with open_parts(MjpegStream("sky", "medium", principal)) as opened:
        yield opened


@asynccontextmanager
async def open_parts(stream: MjpegStream) -> AsyncIterator[AsyncIterator[bytes]]:
    await stream.add_viewer("a-viewer", "192.0.2.7")
    opened: Any = stream_parts(stream)
    yield opened
    await opened.aclose()


async def test_each_part_is_a_picture_and_ends_with_the_boundary(
    parts: AsyncIterator[bytes], pictures: CameraProcess
) -> None:
    assert await anext(parts) == b"--skycam-frame\r\n"
    head, _, rest = (await anext(parts)).partition(b"\r\n\r\n")
    assert head.startswith(b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n" % len(pictures.jpeg))
    assert re.search(rb"\r\nX-Frame-Number: \d+\r\nX-Captured-Us: \d{16}\r\nX-Flags: 1$", head)
    assert rest == pictures.jpeg + b"\r\n--skycam-frame\r\n"


async def test_it_ends_when_the_pictures_do(
    principal: Principal, pictures: CameraProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mjpeg, "POLL_S", 0.1)
    patient, other = (MjpegStream("sky", "medium", principal, timeout_s) for timeout_s in (PATIENCE_S, 0.2))
    async with open_parts(patient) as parts, asyncio.timeout(PATIENCE_S):
        [await anext(parts) for _ in range(3)]
        pictures.stop()
        async with open_parts(other) as last_parts:
            assert [part[:14] for part in [part async for part in last_parts]] == [b"--skycam-frame", b"Content-Type: "]


async def test_it_ends_when_the_role_is_revoked(parts: AsyncIterator[bytes], frequent_checks: None) -> None:
    await anext(parts)
    await User.objects.aupdate(role="none")
    async with asyncio.timeout(PATIENCE_S):
        async for _ in parts:
            """Parts that were sent before the end."""


def test_without_a_broker_it_is_a_problem(viewer: Any, camera: Camera, no_wait_for_frames: None) -> None:
    assert viewer.get(URL).json()["type"] == "/problems/broker-down"


def test_an_unknown_quality_is_refused(viewer: Any, camera: Camera) -> None:
    assert viewer.get(f"{URL}?quality=best").json()["errors"][0]["field"] == "quality"


def test_head_is_answered_without_starting_a_stream(
    viewer: Any, camera: Camera, pictures: CameraProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "FRAME_WAIT_S", PATIENCE_S)
    answer = viewer.head(URL)
    assert answer.status_code == 200
    assert answer.streaming is False
