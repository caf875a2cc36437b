"""The messages of `ws/live/{slug}/`, with a real broker between the web part and a camera's process."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio
import redis

from cameras.live import consumers, feed
from cameras.live.feed import jpeg_size
from cameras.live.publisher import FRAME_HEADER
from cameras.sockets import consumer
from cameras.status import status
from cameras.status.messages import absent_status
from tests.harness.clients.sockets import CameraProcess, OpenSocket
from tests.harness.clients.station_sockets import BINARY
from tests.harness.waiting import PATIENCE_S, eventually_in_loop

REQUEST = {"type": "request_frame", "quality": "low"}
FRAME_KEYS = {
    "type", "data", "frame_number", "timestamp", "width", "height", "quality", "simulated", "stale", "lowered",
}  # fmt: skip


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, too, a request waits until a picture comes, and this counts as fresh."""
    monkeypatch.setattr(consumers, "NO_FRAME_S", PATIENCE_S)
    monkeypatch.setattr(feed, "STALE_S", PATIENCE_S)


@pytest.fixture
def without_pictures(patient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """None comes: a request is answered soon with the reason."""
    monkeypatch.setattr(consumers, "NO_FRAME_S", 0.1)


@pytest.fixture
def headers(viewer_headers: dict[str, str]) -> dict[str, str]:
    return viewer_headers


@pytest_asyncio.fixture
async def socket(headers: dict[str, str]) -> AsyncIterator[OpenSocket]:
    async with OpenSocket("/ws/live/sky/", headers) as opened:
        yield opened


@pytest_asyncio.fixture
async def binary(headers: dict[str, str]) -> AsyncIterator[OpenSocket]:
    async with OpenSocket("/ws/live/sky/", headers, [BINARY]) as opened:
        yield opened


async def test_a_frame_in_json_has_all_fields(socket: OpenSocket, pictures: CameraProcess) -> None:
    frame = await socket.request(REQUEST)
    assert set(frame) == FRAME_KEYS
    assert base64.b64decode(frame["data"]) == pictures.jpeg
    assert frame["width"] == 64
    assert frame["height"] == 48
    assert frame["quality"] == "low"
    assert frame["simulated"] is True
    assert frame["timestamp"].endswith("Z")


async def test_a_frame_in_binary_has_its_header(binary: OpenSocket, pictures: CameraProcess) -> None:
    frame = await binary.request(REQUEST)
    magic, version, flags, zero, _, captured, sent = FRAME_HEADER.unpack_from(frame)
    assert magic == b"SKYL"
    assert version == 1
    assert flags == 1
    assert zero == 0
    assert captured <= sent <= time.time_ns() // 1000
    assert frame[FRAME_HEADER.size :] == pictures.jpeg


async def test_each_answer_is_newer_than_the_last(socket: OpenSocket, pictures: CameraProcess) -> None:
    numbers = [(await socket.request(REQUEST))["frame_number"] for _ in range(10)]
    assert numbers == sorted(set(numbers))


async def test_two_requests_may_wait(binary: OpenSocket, pictures: CameraProcess) -> None:
    await binary.send(REQUEST)
    first = await binary.request(REQUEST)
    assert FRAME_HEADER.unpack_from(first)[4] < FRAME_HEADER.unpack_from(await binary.receive())[4]


async def test_without_a_quality_it_is_medium(socket: OpenSocket, pictures: CameraProcess) -> None:
    assert (await socket.request({"type": "request_frame"}))["quality"] == "medium"


async def test_no_pictures_are_requested_before_a_viewer_sends_a_request(
    socket: OpenSocket, server: redis.Redis, pictures: CameraProcess
) -> None:
    assert not server.keys("*:want:*")
    await socket.request(REQUEST)
    assert [name.split(":", 1)[1] for name in server.keys("*:want:*")] == ["want:sky:low"]


async def test_a_socket_without_further_requests_ends_the_request_for_pictures(
    socket: OpenSocket, server: redis.Redis, pictures: CameraProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    [monkeypatch.setattr(feed, name, 0.2) for name in ("IDLE_AFTER_S", "RENEW_S")]
    monkeypatch.setattr(feed, "WANT_TTL_S", 1)
    await socket.request(REQUEST)
    await eventually_in_loop(lambda: not server.keys("*:want:*"))
    await eventually_in_loop(lambda: not server.pubsub_channels())


async def test_twenty_viewers_have_one_subscription(
    headers: dict[str, str], server: redis.Redis, pictures: CameraProcess
) -> None:
    async with AsyncExitStack() as opened:
        viewers = [await opened.enter_async_context(OpenSocket("/ws/live/sky/", headers)) for _ in range(20)]
        assert {(await viewer.request(REQUEST))["type"] for viewer in viewers} == {"frame"}
        assert [count for _, count in server.pubsub_numsub(*server.pubsub_channels())] == [1]


async def test_an_old_picture_is_flagged_as_stale(
    headers: dict[str, str], pictures: CameraProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "IDLE_AFTER_S", PATIENCE_S)
    async with OpenSocket("/ws/live/sky/", headers) as first, OpenSocket("/ws/live/sky/", headers) as second:
        assert not (await first.request(REQUEST))["stale"]
        pictures.stop()
        monkeypatch.setattr(feed, "STALE_S", -1.0)  # as if it had passed
        assert (await second.request(REQUEST))["stale"]


def observed(server: redis.Redis, state: str, **fields: Any) -> None:
    found = absent_status("sky", "connected") | {"observed": state, "reason": "The USB cable was pulled."} | fields
    server.hset(status.broker.key("status", "sky"), mapping={name: json.dumps(value) for name, value in found.items()})


async def refusal(socket: OpenSocket) -> Any:
    """The first answer after the connection to the broker is there."""
    return await socket.request_until(REQUEST, lambda answer: answer["reason"] != "broker")


REASONS = [
    ("starting", {}, "starting", "sky is starting."),
    ("reconnecting", {}, "reconnecting", "The USB cable was pulled."),
    ("quarantined", {}, "quarantined", "The USB cable was pulled."),
    ("disabled", {}, "disabled", "A manager can enable it."),
    ("disconnected", {}, "disconnected", "Connect it to see pictures."),
    ("busy", {}, "busy", "is exposing"),
    ("ready", {"last_frame": "2026-03-01T20:00:00Z"}, "stale", "the last one came at 2026-03-01T20:00:00Z"),
    ("ready", {}, "never", "has sent no picture yet"),
]


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize(("state", "fields", "reason", "message"), REASONS)
async def test_without_a_picture_the_reason_is_sent(
    state: str, fields: dict[str, Any], reason: str, message: str, socket: OpenSocket, server: redis.Redis
) -> None:
    observed(server, state, **fields)
    answer = await refusal(socket)
    assert answer["type"] == "no_frame"
    assert answer["reason"] == reason
    assert message in answer["message"]


async def test_the_reason_names_the_last_picture_that_came_although_the_status_is_older(
    socket: OpenSocket, pictures: CameraProcess, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed(server, "ready", last_frame="2026-03-01T20:00:00.000Z")
    frame = await socket.request(REQUEST)
    pictures.stop()
    monkeypatch.setattr(consumers, "NO_FRAME_S", 0.3)
    while (answer := await socket.request(REQUEST))["type"] == "frame":
        frame = answer
    last = frame["timestamp"]
    assert answer["last_frame"] == last
    assert f"the last one came at {last}." in answer["message"]


@pytest.mark.usefixtures("without_pictures")
async def test_a_host_that_does_not_write_is_down(socket: OpenSocket, server: redis.Redis) -> None:
    assert (await refusal(socket))["reason"] == "host_down"


@pytest.mark.usefixtures("without_pictures")
async def test_without_a_broker_the_socket_stays_open_and_sends_the_reason(socket: OpenSocket) -> None:
    assert (await socket.request(REQUEST))["reason"] == "broker"
    assert (await socket.request({"type": "ping", "sent": 1}))["type"] == "pong"


@pytest.mark.usefixtures("without_pictures")
async def test_pictures_arrive_once_the_broker_is_back(socket: OpenSocket, request: pytest.FixtureRequest) -> None:
    assert (await socket.request(REQUEST))["reason"] == "broker"
    request.getfixturevalue("pictures")
    await socket.request_until(REQUEST, lambda answer: answer["type"] == "frame")


async def test_a_ping_comes_back_with_the_time(socket: OpenSocket) -> None:
    before_us = time.time_ns() // 1000
    pong = await socket.request({"type": "ping", "sent": 12.5})
    assert pong["type"] == "pong"
    assert pong["sent"] == 12.5
    assert before_us <= pong["server_us"] <= time.time_ns() // 1000


GARBAGE = [
    ("", "invalid"),
    ("garbage", "invalid"),
    ("[]", "invalid"),
    ("{}", "invalid"),
    ('{"type": 1}', "invalid"),
    ("[" * 60_000, "invalid"),
    ('{"type": "__class__"}', "unknown_type"),
    ('{"type": "capture_update", "data": {}}', "unknown_type"),
    ('{"type": "request_frame", "quality": "best"}', "invalid"),
    ('{"type": "request_frame", "quality": ["low"]}', "invalid"),
    ('{"type": "ping"}', "invalid"),
    ('{"type": "ping", "sent": true}', "invalid"),
    ('{"type": "ping", "sent": NaN}', "invalid"),
    ('{"type": "ping", "sent": 1' + "0" * 400 + "}", "invalid"),
]


@pytest.mark.parametrize(("text", "reason"), GARBAGE, ids=[text[:44] for text, _ in GARBAGE])
async def test_a_bad_message_is_answered_with_a_reason(text: str, reason: str, socket: OpenSocket) -> None:
    await socket.wire.send_input({"type": "websocket.receive", "text": text})
    answer = await socket.receive()
    assert answer["type"] == "error"
    assert answer["reason"] == reason


async def test_too_many_requests_at_once_are_answered(socket: OpenSocket) -> None:
    [await socket.send(REQUEST) for _ in range(6)]
    assert (await socket.receive())["reason"] == "too_many"


TOO_MUCH = [
    ({"text": "x" * 70_000}, 1, 1009),
    ({"bytes": b"\xff\xfe"}, 1, 1003),
    ({"text": "garbage"}, 25, 1008),
    ({"text": '{"type": "ping", "sent": 1}'}, 400, 4429),
]


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the limit of messages a second."""
    now = time.monotonic()
    monkeypatch.setattr(consumer, "time", SimpleNamespace(monotonic=lambda: now, time_ns=time.time_ns))


@pytest.mark.usefixtures("stopped_clock")
@pytest.mark.parametrize(("content", "times", "code"), TOO_MUCH)
async def test_too_many_or_too_large_messages_close_the_socket_with_a_reason(
    content: dict[str, Any], times: int, code: int, socket: OpenSocket
) -> None:
    [await socket.wire.send_input({"type": "websocket.receive", **content}) for _ in range(times)]
    closed, reason = await socket.wait_closed()
    assert closed == code
    assert reason.endswith(".")


@pytest.mark.parametrize("jpeg", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\x00\x00" * 9, bytes(100)])
def test_bytes_that_are_no_jpeg_have_no_size(jpeg: bytes) -> None:
    assert jpeg_size(jpeg) == (0, 0)
