"""Events, alerts and readings on `ws/status/` and `ws/captures/`, over a real broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
import pytest_asyncio
import redis
from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone

from cameras.models import Camera
from cameras.status import consumers
from captures.capturing import consumers as capture_consumers
from captures.capturing.models import Capture
from captures.capturing.outcomes import publish_captures
from captures.roots.models import StorageRoot
from core.broker import broker
from core.events.models import Alert
from core.events.service import acknowledge_alert, raise_alert, record_event, resolve_alert
from core.readings.latest import HOSTS
from core.readings.reading import ChannelReading, JudgedReading, Quality, SensorState
from monitoring.models import Sensor, SensorChannel
from monitoring.sensor_host import host
from monitoring.sensor_host.host import ReadingPublisher, publish_readings
from tests.harness.clients.sockets import OpenSocket
from tests.harness.rows.captures import file_of, remote
from tests.harness.waiting import PATIENCE_S, eventually_in_loop

ROM = "28FF641E8216043C"
STATUS = {"status", "no_status"}


@pytest.fixture(scope="module")
def frequent_publisher() -> ReadingPublisher:
    return ReadingPublisher(every_s=0.05)


@pytest.fixture(autouse=True)
def soon(frequent_publisher: ReadingPublisher, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings are published soon, and the site is read again for each of them."""
    monkeypatch.setattr(host, "reading_publisher", lambda: frequent_publisher)
    monkeypatch.setattr(capture_consumers, "READ_EVERY_S", 0.0)


@pytest_asyncio.fixture
async def thermometer(db: None) -> SensorChannel:
    def made() -> SensorChannel:
        sensor = Sensor.objects.create(name="roof", kind="simulated", host="main")
        return SensorChannel.objects.create(sensor=sensor, key=ROM, quantity="temperature", main=True)

    return await sync_to_async(made)()


def committed(work: Callable[[], Any]) -> Any:
    """The work in a transaction of its own, on a thread of Django's."""

    def run() -> Any:
        with transaction.atomic():
            return work()

    return sync_to_async(run)()


async def subscribed(server: redis.Redis, channel: str) -> None:
    name = broker.key(channel)
    await eventually_in_loop(lambda: server.pubsub_numsub(name) == [(name, 1)])


async def next_but_status(socket: OpenSocket) -> Any:
    return await socket.receive_until(lambda message: message["type"] not in STATUS)


async def next_with(socket: OpenSocket, member: str) -> list[Any]:
    """The next list of events or alerts that is not empty. An alert and its event may come in two messages."""
    return list((await socket.receive_until(lambda message: bool(message.get(member))))[member])


async def next_events(socket: OpenSocket, number: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < number:
        found += await next_with(socket, "events")
    return found


def of_roof(
    value: float | None, quality: Any = "ok", channel: str = ROM, quantity: str = "temperature"
) -> JudgedReading:
    return JudgedReading("id", "roof", channel, quantity, "", 1_790_000_000_000, value, quality)


async def test_an_event_is_sent_when_it_is_committed(
    viewer_headers: dict[str, str], camera: Camera, server: redis.Redis
) -> None:
    async with OpenSocket("/ws/status/", viewer_headers) as socket:
        await subscribed(server, "events")
        event = await committed(lambda: record_event("session.finished", "Session finished.", camera=camera))
        message = await next_but_status(socket)
    assert message["type"] == "events"
    assert message["alerts"] == []
    assert [(one["id"], one["kind"], one["camera"]) for one in message["events"]] == [
        (str(event.pk), "session.finished", "sky")
    ]


async def test_an_alert_is_sent_with_each_of_its_states(viewer_headers: dict[str, str], server: redis.Redis) -> None:
    async with OpenSocket("/ws/status/", viewer_headers) as socket:
        await subscribed(server, "events")
        alert: Alert = await committed(lambda: raise_alert("health.broker", "The broker does not answer.", camera=None))
        [opened] = await next_with(socket, "alerts")
        await committed(lambda: acknowledge_alert(alert, "ada"))
        [acknowledged] = await next_with(socket, "alerts")
        await committed(lambda: resolve_alert("health.broker"))
        [resolved] = await next_with(socket, "alerts")
    assert [one["state"] for one in (opened, acknowledged, resolved)] == ["open", "acknowledged", "resolved"]
    assert acknowledged["acknowledged_by"] == "ada"
    assert resolved["resolved"] is not None


async def test_an_alert_that_is_raised_again_is_not_sent_again(
    viewer_headers: dict[str, str], server: redis.Redis
) -> None:
    async with OpenSocket("/ws/status/", viewer_headers) as socket:
        await subscribed(server, "events")
        await committed(lambda: raise_alert("health.broker", "The broker does not answer.", camera=None))
        await next_with(socket, "alerts")
        await committed(lambda: raise_alert("health.broker", "The broker does not answer.", camera=None))
        await committed(lambda: record_event("job.failed", "Job failed.", camera=None))
        message = await next_but_status(socket)
    assert message["alerts"] == []
    assert [event["kind"] for event in message["events"]] == ["job.failed"]


async def test_many_events_come_in_their_order(viewer_headers: dict[str, str], server: redis.Redis) -> None:
    def record() -> None:
        [record_event("job.failed", f"Job {number} failed.", camera=None) for number in range(100)]

    async with OpenSocket("/ws/status/", viewer_headers) as socket:
        await subscribed(server, "events")
        await committed(record)
        found = await next_events(socket, 100)
    assert [event["message"] for event in found] == [f"Job {number} failed." for number in range(100)]


async def test_what_is_rolled_back_is_not_sent(viewer_headers: dict[str, str], server: redis.Redis) -> None:
    def roll_back() -> None:
        record_event("job.failed", "Never.", camera=None)
        raise_alert("health.broker", "Never.", camera=None)
        transaction.set_rollback(True)

    async with OpenSocket("/ws/status/", viewer_headers) as socket:
        await subscribed(server, "events")
        await committed(roll_back)
        await committed(lambda: record_event("job.failed", "Committed.", camera=None))
        message = await next_but_status(socket)
    assert message["alerts"] == []
    assert [event["message"] for event in message["events"]] == ["Committed."]


async def test_what_a_user_may_not_see_is_not_sent(
    excluded_headers: dict[str, str], camera: Camera, server: redis.Redis
) -> None:
    async with OpenSocket("/ws/status/", excluded_headers) as socket:
        await subscribed(server, "events")
        await committed(lambda: raise_alert("camera.quarantined:sky", "Quarantined.", camera=camera))
        await committed(lambda: record_event("capture.saved", "Saved.", camera=camera))
        await committed(lambda: record_event("user.denied", "A sign-in was refused.", camera=None))
        await committed(lambda: record_event("job.failed", "Job failed.", camera=None))
        message = await next_but_status(socket)
    assert message["alerts"] == []
    assert [event["kind"] for event in message["events"]] == ["job.failed"]


async def test_only_managers_get_the_address_of_a_camera(
    viewer_headers: dict[str, str], manager_headers: dict[str, str], camera: Camera, server: redis.Redis
) -> None:
    data = {"order": "connect", "arguments": {"address": "rtsp://10.0.0.9", "name": "sky"}}
    async with OpenSocket("/ws/status/", viewer_headers) as theirs, OpenSocket("/ws/status/", manager_headers) as ours:
        await subscribed(server, "events")
        await committed(lambda: record_event("command", "Connect.", camera=camera, data=data))
        seen, known = await next_but_status(theirs), await next_but_status(ours)
    assert seen["events"][0]["data"]["arguments"] == {"name": "sky"}
    assert known["events"][0]["data"]["arguments"] == data["arguments"]


async def test_a_cut_is_reported(viewer_headers: dict[str, str], server: redis.Redis) -> None:
    async with OpenSocket("/ws/status/", viewer_headers) as socket:
        await subscribed(server, "events")
        server.client_kill_filter(_type="pubsub")
        assert (await next_but_status(socket))["type"] == "missed"


def test_a_broker_that_is_away_fails_no_event(camera: Camera) -> None:
    broker.connection.cache_clear()
    with transaction.atomic():
        raise_alert("health.broker", "The broker does not answer.", camera=None)
    assert Alert.objects.filter(key="health.broker").exists()


def test_a_broker_that_hangs_delays_no_event(camera: Camera, hanging_broker: None) -> None:
    with transaction.atomic():
        raise_alert("health.broker", "The broker does not answer.", camera=None)
    assert Alert.objects.filter(key="health.broker").exists()


async def test_the_newest_readings_are_sent_together(viewer_headers: dict[str, str], server: redis.Redis) -> None:
    async with OpenSocket("/ws/status/", viewer_headers) as socket:
        await subscribed(server, "readings")
        publish_readings([of_roof(11.0), of_roof(11.5), of_roof(60.0, quantity="humidity"), of_roof(3.0, channel="x")])
        message = await next_but_status(socket)
    assert message["type"] == "readings"
    assert [(one["sensor"], one["channel"], one["quantity"], one["value"]) for one in message["readings"]] == [
        ("roof", ROM, "temperature", 11.5), ("roof", ROM, "humidity", 60.0), ("roof", "x", "temperature", 3.0),
    ]  # fmt: skip


async def test_a_reading_of_the_main_sensor_is_a_capture_update_without_a_capture(
    viewer_headers: dict[str, str], camera: Camera, root: StorageRoot, thermometer: SensorChannel, server: redis.Redis
) -> None:
    capture = await committed(lambda: file_of(saved_capture(camera), root, kind="other").capture)
    async with OpenSocket("/ws/captures/", viewer_headers) as socket:
        await subscribed(server, "readings")
        publish_readings([of_roof(60.0, quantity="humidity"), of_roof(11.5), of_roof(3.0, channel="other")])
        message = await socket.receive()
    assert message == {
        "type": "capture_update",
        "data": {
            "camera": "sky",
            "status": camera.observed,
            "temperature": 11.5,
            "latest_image": {
                "id": str(capture.pk), "url": f"/api/v1/captures/{capture.pk}/file/", "thumbnail": None,
            },
        },
    }  # fmt: skip


@pytest.mark.parametrize(("quality", "temperature"), [("ok", -12.25), ("implausible", None)])
async def test_the_temperature_of_a_capture_is_that_of_the_main_sensor_as_well(
    viewer_headers: dict[str, str], camera: Camera, thermometer: SensorChannel, server: redis.Redis, quality: Quality,
    temperature: float | None,
) -> None:  # fmt: skip
    publish_latest(-12.25, quality)
    async with OpenSocket("/ws/captures/", viewer_headers) as socket:
        await subscribed(server, "captures")
        await committed(lambda: publish_captures([(saved_capture(camera, temperature_celsius=20.5), camera.slug, [])]))
        data = (await socket.receive())["data"]
    assert (data["temperature"], data["camera_temperature"]) == (temperature, 20.5)


def publish_latest(value: float, quality: Quality) -> None:
    """The host of the main sensor says its newest value."""
    channel = ChannelReading(
        channel=ROM, quantity="temperature", label="", main=True, value=value, quality=quality, at=None
    )
    state = SensorState(
        sensor="roof", kind="simulated", host="main", interval_s=2.0, state="ok", message="", since="",
        channels=[channel],
    )  # fmt: skip
    broker.connection().set(broker.key("sensors", "main"), json.dumps([state]))
    broker.connection().sadd(broker.key(HOSTS), "main")


async def test_a_newest_capture_whose_files_stay_with_the_camera_is_no_image(
    viewer_headers: dict[str, str], camera: Camera, thermometer: SensorChannel, server: redis.Redis
) -> None:
    await committed(lambda: remote(camera))
    async with OpenSocket("/ws/captures/", viewer_headers) as socket:
        await subscribed(server, "readings")
        publish_readings([of_roof(11.5)])
        data = (await socket.receive())["data"]
    assert (data["camera"], data["latest_image"]) == ("sky", None)


def saved_capture(camera: Camera, **columns: Any) -> Capture:
    return Capture.objects.create(camera=camera, status="saved", started_at=timezone.now(), **columns)


@pytest.mark.parametrize(("value", "quality"), [(85.0, "implausible"), (None, "missing")])
async def test_a_value_that_is_not_believed_is_no_temperature(
    viewer_headers: dict[str, str], thermometer: SensorChannel, server: redis.Redis, value: float | None, quality: str
) -> None:
    async with OpenSocket("/ws/captures/", viewer_headers) as socket:
        await subscribed(server, "readings")
        publish_readings([of_roof(value, quality)])
        data = (await socket.receive())["data"]
    assert data["temperature"] is None
    assert data["latest_image"] is None


async def test_a_reading_tells_nothing_of_a_hidden_camera(
    excluded_headers: dict[str, str],
    manager_headers: dict[str, str],
    camera: Camera,
    thermometer: SensorChannel,
    server: redis.Redis,
) -> None:
    await committed(lambda: saved_capture(camera))
    async with (
        OpenSocket("/ws/captures/", excluded_headers) as socket,
        OpenSocket("/ws/captures/", manager_headers) as of_manager,
    ):
        await subscribed(server, "readings")
        for value in (11.5, 12.5):  # with the second one, the first one has been sent to all
            publish_readings([of_roof(value)])
            assert (await of_manager.receive())["data"]["temperature"] == value
        assert (await socket.request({"type": "ping", "sent": 1}))["type"] == "pong"


async def test_another_channel_is_no_capture_update(
    viewer_headers: dict[str, str], thermometer: SensorChannel, server: redis.Redis
) -> None:
    async with OpenSocket("/ws/captures/", viewer_headers) as socket:
        await subscribed(server, "readings")
        publish_readings([of_roof(3.0, channel="other")])
        publish_readings([of_roof(11.5)])
        assert (await socket.receive())["data"]["temperature"] == 11.5


async def test_events_that_come_together_are_one_message(
    viewer_headers: dict[str, str], server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "EVENTS_EVERY_S", 0.5)

    def record() -> None:
        [record_event("job.failed", f"Job {number} failed.", camera=None) for number in range(10)]

    async with OpenSocket("/ws/status/", viewer_headers) as socket, asyncio.timeout(PATIENCE_S):
        await subscribed(server, "events")
        await committed(lambda: record_event("job.failed", "The first.", camera=None))
        assert len(await next_with(socket, "events")) == 1
        await committed(record)
        while len(found := await next_with(socket, "events")) < 10:
            # A busy machine took longer than EVENTS_EVERY_S.
            await next_events(socket, 10 - len(found))
            await committed(record)
