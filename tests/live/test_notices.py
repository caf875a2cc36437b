"""`ws/captures/` and `ws/status/`, over a real broker."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import pytest_asyncio
import redis
from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone

from cameras.models import Camera
from cameras.sockets.subscription import loop_singleton
from cameras.status import consumers
from cameras.status.messages import absent_status
from captures.capturing.consumers import CaptureBroadcaster
from captures.capturing.outcomes import publish_captures
from captures.models import Capture, CaptureFile
from core.broker import broker, notices
from tests.harness.clients.sockets import OpenSocket, user_of
from tests.harness.rows.audiences import only_for
from tests.harness.waiting import PATIENCE_S, eventually, eventually_in_loop

UPDATE_KEYS = {
    "camera", "status", "temperature", "camera_temperature", "latest_image", "capture", "outcome", "reason",
}  # fmt: skip
PUBLISHES_AND_ENDS = """
import django
django.setup()
from core.broker.notices import NoticeKind, publish_notice
publish_notice(NoticeKind("captures"), {"number": 1})
"""


@pytest_asyncio.fixture
async def dome(db: None) -> Camera:
    """Another camera, which all users may see."""
    return await Camera.objects.acreate(slug="dome", name="Dome", kind="simulated", host="main")


def capture_of(camera: Camera, outcome: str) -> Capture:
    reason = "" if outcome == "saved" else "camera_error"
    return Capture.objects.create(camera=camera, status=outcome, reason=reason, temperature_celsius=12.5)


@sync_to_async
def ended(camera: Camera, outcome: str) -> Capture:
    """A capture gets its outcome, as by the ingest."""
    with transaction.atomic():
        capture = capture_of(camera, outcome)
        publish_captures([(capture, capture.camera.slug, [CaptureFile(capture=capture, kind="jpeg")])])
    return capture


@sync_to_async
def ended_after_its_removal(camera: Camera) -> None:
    Camera.objects.filter(pk=camera.pk).update(removed_at=timezone.now())
    with transaction.atomic():
        publish_captures([(capture_of(camera, "saved"), camera.slug, [])])


async def wait_for_subscription(server: redis.Redis, count: int = 1) -> None:
    """Wait until the web part has subscribed to captures."""
    name = broker.key("captures")
    await eventually_in_loop(lambda: server.pubsub_numsub(name) == [(name, count)])


async def test_a_saved_capture_is_announced(
    viewer_headers: dict[str, str], camera: Camera, server: redis.Redis
) -> None:
    async with OpenSocket("/ws/captures/", viewer_headers) as socket:
        await wait_for_subscription(server)
        capture = await ended(camera, "saved")
        update = await socket.receive()
    assert update["type"] == "capture_update"
    assert set(update["data"]) == UPDATE_KEYS
    assert update["data"]["latest_image"]["url"] == f"/api/v1/captures/{capture.id}/file/"
    assert update["data"]["latest_image"]["thumbnail"] == f"/api/v1/captures/{capture.id}/thumbnail/"
    assert update["data"]["camera"] == "sky"
    assert update["data"]["camera_temperature"] == 12.5
    # At a station without a main sensor.
    assert update["data"]["temperature"] == 12.5


async def test_a_capture_that_is_saved_as_soon_as_the_socket_is_open_is_announced(
    viewer_headers: dict[str, str], camera: Camera, server: redis.Redis
) -> None:
    async with OpenSocket("/ws/captures/", viewer_headers) as socket:
        capture = await ended(camera, "saved")
        assert (await socket.receive())["data"]["latest_image"]["url"] == f"/api/v1/captures/{capture.id}/file/"


async def test_a_failed_capture_is_announced_without_an_image(
    viewer_headers: dict[str, str], camera: Camera, server: redis.Redis
) -> None:
    async with OpenSocket("/ws/captures/", viewer_headers) as socket:
        await wait_for_subscription(server)
        await ended(camera, "failed")
        data = (await socket.receive())["data"]
    assert data["latest_image"] is None
    assert data["outcome"] == "failed"
    assert data["reason"] == "camera_error"


async def test_a_hidden_camera_is_not_announced(
    excluded_headers: dict[str, str], camera: Camera, dome: Camera, server: redis.Redis
) -> None:
    async with OpenSocket("/ws/captures/", excluded_headers) as socket:
        await wait_for_subscription(server)
        await ended(camera, "saved")
        await ended(dome, "saved")
        assert (await socket.receive())["data"]["camera"] == "dome"


async def test_a_removed_camera_is_not_announced_to_viewers_of_its_successor(
    viewer_headers: dict[str, str], camera: Camera, dome: Camera, server: redis.Redis
) -> None:
    async with OpenSocket("/ws/captures/", viewer_headers) as socket:
        await wait_for_subscription(server)
        await ended_after_its_removal(camera)
        await ended(dome, "saved")
        assert (await socket.receive())["data"]["camera"] == "dome"


async def test_a_rolled_back_capture_is_not_announced(
    viewer_headers: dict[str, str], camera: Camera, dome: Camera, server: redis.Redis
) -> None:
    def fail() -> None:
        with transaction.atomic():
            publish_captures([(capture_of(camera, "saved"), camera.slug, [])])
            transaction.set_rollback(True)

    async with OpenSocket("/ws/captures/", viewer_headers) as socket:
        await wait_for_subscription(server)
        await sync_to_async(fail)()
        await ended(dome, "saved")
        assert (await socket.receive())["data"]["camera"] == "dome"


async def test_an_invalid_notice_is_ignored(
    viewer_headers: dict[str, str], camera: Camera, server: redis.Redis
) -> None:
    async with OpenSocket("/ws/captures/", viewer_headers) as socket:
        await wait_for_subscription(server)
        server.publish(broker.key("captures"), "garbage")
        await ended(camera, "saved")
        assert (await socket.receive())["type"] == "capture_update"


async def test_a_cut_is_reported_once_it_is_repaired(viewer_headers: dict[str, str], server: redis.Redis) -> None:
    async with OpenSocket("/ws/captures/", viewer_headers) as socket:
        await wait_for_subscription(server)
        server.client_kill_filter(_type="pubsub")
        assert (await socket.receive())["type"] == "missed"


async def test_a_socket_that_opens_without_a_broker_hears_later_that_it_missed_notices(
    viewer_headers: dict[str, str], request: pytest.FixtureRequest
) -> None:
    broker.connection.cache_clear()
    async with OpenSocket("/ws/captures/", viewer_headers) as socket:
        assert (await socket.request({"type": "ping", "sent": 1}))["type"] == "pong"
        await eventually_in_loop(lambda: loop_singleton(CaptureBroadcaster).cuts)
        request.getfixturevalue("server")
        assert (await socket.receive())["type"] == "missed"


def test_a_broker_that_is_away_fails_no_transaction(camera: Camera) -> None:
    broker.connection.cache_clear()
    with transaction.atomic():
        publish_captures([(capture_of(camera, "saved"), camera.slug, [])])
    assert Capture.objects.filter(status="saved").exists()


def test_a_broker_that_hangs_delays_no_transaction(camera: Camera, hanging_broker: None) -> None:
    with transaction.atomic():
        publish_captures([(capture_of(camera, "saved"), camera.slug, [])])
    assert Capture.objects.filter(status="saved").exists()


def test_a_broker_that_hangs_delays_no_publisher(hanging_broker: None) -> None:
    kind: notices.NoticeKind[dict[str, int]] = notices.NoticeKind("captures")
    [notices.publish_notice(kind, {"number": number}) for number in range(2 * notices.MAX_WAITING)]


def test_a_notice_that_cannot_be_encoded_costs_no_other(server: redis.Redis) -> None:
    with server.pubsub() as subscribed:
        subscribed.subscribe("taken")
        assert eventually(subscribed.get_message)["type"] == "subscribe"
        publisher = notices.NoticePublisher()
        publisher.enqueue("taken", "\ud800")
        publisher.enqueue("taken", "published")
        assert eventually(lambda: subscribed.get_message(ignore_subscribe_messages=True))["data"] == "published"


def write_status(server: redis.Redis, **fields: Any) -> None:
    found = absent_status("sky", "connected") | fields
    server.hset(broker.key("status", "sky"), mapping={name: json.dumps(value) for name, value in found.items()})


async def test_the_status_is_sent_on_each_change(
    viewer_headers: dict[str, str], server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "SEND_EVERY_S", 1000.0)
    write_status(server, observed="ready")
    async with OpenSocket("/ws/status/", viewer_headers) as socket:
        first = await socket.receive()
        write_status(server, observed="busy")
        second = await socket.receive()
    assert [message["cameras"][0]["observed"] for message in (first, second)] == ["ready", "busy"]


async def test_an_unchanged_status_is_sent_again(
    viewer_headers: dict[str, str], server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "SEND_EVERY_S", 0.1)
    write_status(server, observed="ready")
    async with OpenSocket("/ws/status/", viewer_headers) as socket:
        messages = [await socket.receive() for _ in range(3)]
    assert [message["cameras"][0]["observed"] for message in messages] == ["ready"] * 3


async def test_a_hidden_camera_has_no_status(excluded_headers: dict[str, str], server: redis.Redis) -> None:
    async with OpenSocket("/ws/status/", excluded_headers) as socket:
        assert await socket.receive() == {"type": "status", "cameras": []}


async def test_a_camera_that_becomes_hidden_leaves_the_status(
    viewer_headers: dict[str, str], camera: Camera, server: redis.Redis, frequent_checks: None
) -> None:
    async with OpenSocket("/ws/status/", viewer_headers) as socket:
        await sync_to_async(lambda: only_for(camera, user_of("operator").username))()
        await socket.receive_until(lambda message: message.get("cameras") == [])


async def test_without_a_broker_there_is_no_status_and_it_comes_back(
    viewer_headers: dict[str, str], request: pytest.FixtureRequest
) -> None:
    broker.connection.cache_clear()
    async with OpenSocket("/ws/status/", viewer_headers) as socket:
        first = await socket.receive()
        request.getfixturevalue("server")
        second = await socket.receive_until(lambda message: message["type"] == "status")
    assert first["type"] == "no_status"
    assert first["reason"] == "broker"
    assert second["cameras"][0]["observed"] == "host_down"


def test_a_process_that_ends_at_once_publishes_its_notice(server: redis.Redis) -> None:
    with server.pubsub() as subscribed:
        subscribed.subscribe(broker.key("captures"))
        assert eventually(subscribed.get_message)["type"] == "subscribe"
        subprocess.run([sys.executable, "-c", PUBLISHES_AND_ENDS], check=True, timeout=PATIENCE_S)
        assert eventually(lambda: subscribed.get_message(ignore_subscribe_messages=True))["data"] == '{"number": 1}'
