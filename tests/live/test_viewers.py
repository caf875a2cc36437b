"""Viewers: who may watch, their limits, and ending one; with a real broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from itertools import chain
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.urls import reverse
from rest_framework.test import APIClient

from cameras.live import api, consumers, viewer_registry
from cameras.live import service as service_module
from cameras.live.publisher import FRAME_HEADER, LOWERED
from cameras.live.service import LiveStreamingService, LiveTimes
from cameras.live.viewer_registry import ViewerRegistry, viewers_everywhere
from cameras.models import Camera
from cameras.sockets import subscription
from core.events.models import Event
from skycam_project.station_settings import change_settings
from tests.harness.clients.sockets import CameraProcess, OpenSocket
from tests.harness.clients.station_sockets import BINARY
from tests.harness.waiting import PATIENCE_S, eventually_in_loop

REQUEST = {"type": "request_frame", "quality": "medium"}
LIVE = "/ws/live/sky/"
Headers = dict[str, str]
NOT_EVEN_ONE = 0.01
"""kbit/s at which one picture uses the budget for minutes."""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, too, a request waits until a picture comes, and other web processes are not forgotten. What is
    done at intervals is done often."""
    monkeypatch.setattr(consumers, "NO_FRAME_S", PATIENCE_S)
    monkeypatch.setattr(api, "FRAME_WAIT_S", PATIENCE_S)
    monkeypatch.setattr(viewer_registry, "TTL_S", 600)
    [monkeypatch.setattr(service_module, name, 0.05) for name in ("RUN_EVERY_S", "SETTINGS_MAX_AGE_S")]


@pytest.fixture
def anna(viewer_headers: Headers) -> Headers:
    return viewer_headers


@pytest.fixture
def ben(manager_headers: Headers) -> Headers:
    return manager_headers


@contextlib.asynccontextmanager
async def watching(headers: Headers, count: int) -> AsyncIterator[list[OpenSocket]]:
    """`count` sockets, each of which has received a picture."""
    async with contextlib.AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(OpenSocket(LIVE, headers)) for _ in range(count)]
        assert {(await one.request(REQUEST))["type"] for one in opened} == {"frame"}
        yield opened


async def next_message(socket: OpenSocket, **fields: Any) -> Any:
    """Request pictures until a message has these fields."""
    return await socket.request_until(
        REQUEST, lambda message: all(message.get(name) == value for name, value in fields.items())
    )


async def viewer_list(headers: Headers) -> list[Any]:
    """The viewers that a user may see."""
    body = await sync_to_async(lambda: client(headers).get("/api/v1/viewers/").json())()
    return list(body["results"])


def client(headers: Headers) -> APIClient:
    found = APIClient()
    found.credentials(HTTP_AUTHORIZATION=headers["authorization"])
    return found


# Limits of viewers


async def test_one_user_reaches_the_limit_and_another_can_still_watch(
    configured: Any, anna: Headers, ben: Headers, pictures: CameraProcess
) -> None:
    configured(max_viewers_per_user=2)
    async with watching(anna, 2), OpenSocket(LIVE, anna) as third, watching(ben, 1):
        answer = await third.request(REQUEST)
        assert answer["type"] == "no_frame"
        assert answer["reason"] == "capacity"
        assert "2 live views" in answer["message"]


async def test_all_viewers_together_are_limited(
    configured: Any, anna: Headers, ben: Headers, pictures: CameraProcess
) -> None:
    configured(max_viewers=2)
    async with watching(anna, 1), watching(ben, 1), OpenSocket(LIVE, ben) as third:
        answer = await third.request(REQUEST)
        assert answer["reason"] == "capacity"
        assert answer["message"][:9] == "At most 2"


async def test_a_viewer_that_leaves_frees_a_place(configured: Any, anna: Headers, pictures: CameraProcess) -> None:
    configured(max_viewers_per_user=1)
    subscription.set_loop_singleton(LiveStreamingService(times=LiveTimes(refused_for_s=0.0)))
    async with OpenSocket(LIVE, anna) as waits:
        async with watching(anna, 1):
            assert (await waits.request(REQUEST))["reason"] == "capacity"
        assert (await waits.request(REQUEST))["type"] == "frame"


async def test_an_idle_viewer_is_ended(configured: Any, anna: Headers, pictures: CameraProcess) -> None:
    service = LiveStreamingService(times=LiveTimes(idle_s=0.3))
    subscription.set_loop_singleton(service)
    async with watching(anna, 1) as (hidden,):
        await eventually_in_loop(lambda: not service.viewer_limits.viewers)
        # Repeated: on a busy machine it may be idle again by now.
        await hidden.request_until(REQUEST, lambda _: len(service.viewer_limits.viewers) == 1)


async def test_viewers_of_another_web_process_count(
    configured: Any, anna: Headers, pictures: CameraProcess, server: redis.Redis
) -> None:
    configured(max_viewers_per_user=3)
    elsewhere = ViewerRegistry()
    await asyncio.to_thread(elsewhere.register_counts, Counter({"a-viewer": 2}))
    async with watching(anna, 1), OpenSocket(LIVE, anna) as fourth:
        assert (await fourth.request(REQUEST))["reason"] == "capacity"


async def test_a_web_process_that_was_killed_leaves_nothing_behind(
    configured: Any, anna: Headers, pictures: CameraProcess, server: redis.Redis
) -> None:
    configured(max_viewers_per_user=2)
    killed = ViewerRegistry()
    await asyncio.to_thread(killed.register_counts, Counter({"a-viewer": 2}))
    assert 0 < server.ttl(viewers_key(killed)) <= viewer_registry.TTL_S
    server.delete(viewers_key(killed))  # as when the key expires
    async with watching(anna, 2):
        pass
    await eventually_in_loop(lambda: not server.keys("*view*"))


def viewers_key(registry: ViewerRegistry) -> str:
    return f"{settings.STATION.station.id}:viewers:{registry.process}"


async def test_a_stream_counts_as_a_viewer_too(
    configured: Any, anna: Headers, pictures: CameraProcess, server: redis.Redis
) -> None:
    configured(max_viewers_per_user=1)
    await asyncio.to_thread(ViewerRegistry().register_counts, Counter({"a-viewer": 1}))
    answer = await sync_to_async(lambda: client(anna).get("/api/v1/cameras/sky/stream.mjpeg"))()
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/live-full"
    assert answer["Retry-After"]


# The list of viewers, and ending one


async def test_a_manager_sees_all_viewers_and_others_their_own(
    anna: Headers, ben: Headers, pictures: CameraProcess
) -> None:
    async with watching(anna, 1), watching(ben, 1):
        await eventually_in_loop(lambda: sum(map(len, viewers_everywhere().values())) == 2)
        all_viewers, own = await viewer_list(ben), await viewer_list(anna)
    assert {one["user"] for one in all_viewers} == {"a-viewer", "a-manager"}
    assert [(one["user"], one["camera"], one["quality"], one["transport"], one["remote"]) for one in own] == [
        ("a-viewer", "sky", "medium", "websocket", None)
    ]
    assert all(one["remote"] is not None for one in all_viewers)


async def test_the_frames_and_bytes_of_a_viewer_are_counted(anna: Headers, pictures: CameraProcess) -> None:
    async with watching(anna, 1) as (socket,):
        sizes = [len(str(await socket.request(REQUEST))) for _ in range(20)]
        async with asyncio.timeout(PATIENCE_S):  # its rates are above 0 while it receives frames
            while (one := await counted(anna, 21))["fps"] == 0 or one["kbit_s"] == 0:
                await socket.request(REQUEST)
    assert one["bytes"] > 0.8 * sum(sizes)
    assert one["dropped"] == 0
    assert one["limited"] == []


async def counted(headers: Headers, frames: int) -> Any:
    """The viewer, once it has received `frames` frames."""
    await eventually_in_loop(lambda: [one for one in registered() if one["frames"] >= frames], registered)
    return (await viewer_list(headers))[0]


def registered() -> list[Any]:
    """The viewers of all users, as the registry has them."""
    return list(chain.from_iterable(viewers_everywhere().values()))


async def ended(headers: Headers, viewer: str) -> int:
    return int((await sync_to_async(lambda: client(headers).delete(f"/api/v1/viewers/{viewer}/"))()).status_code)


async def test_a_manager_ends_a_view_and_its_viewer_sees_who_did(
    anna: Headers, ben: Headers, pictures: CameraProcess
) -> None:
    async with watching(anna, 1) as (socket,):
        one = await counted(ben, 1)
        assert await ended(ben, one["id"]) == 204
        assert await socket.wait_closed() == (4410, "a-manager ended this live view.")
    event = await Event.objects.aget(kind="live.ended")
    assert event.actor == "a-manager"
    assert event.camera == "sky"


async def test_the_reason_of_a_close_fits_into_its_frame_in_whole_characters(
    anna: Headers, pictures: CameraProcess
) -> None:
    async with watching(anna, 1) as (socket,):
        (viewer,) = subscription.loop_singleton(LiveStreamingService).viewer_limits.viewers.values()
        viewer.end(f"{'漢' * 45} ended this live view.")
        assert await socket.wait_closed() == (4410, "漢" * 41)


async def test_another_users_view_is_not_found(anna: Headers, ben: Headers, pictures: CameraProcess) -> None:
    async with watching(ben, 1) as (socket,):
        one = await counted(ben, 1)
        assert await ended(anna, one["id"]) == 404
        assert (await socket.request(REQUEST))["type"] == "frame"


async def test_users_end_their_own_view_without_an_event(anna: Headers, pictures: CameraProcess) -> None:
    async with watching(anna, 1) as (socket,):
        assert await ended(anna, (await counted(anna, 1))["id"]) == 204
        assert (await socket.wait_closed())[0] == 4410
    assert not await Event.objects.filter(kind="live.ended").aexists()


def test_without_a_broker_the_viewers_are_unknown(viewer: Any) -> None:
    assert viewer.get("/api/v1/viewers/").json()["type"] == "/problems/broker-down"


# Limits


async def test_a_requested_quality_is_sent_with_the_next_frame(anna: Headers, pictures: CameraProcess) -> None:
    async with OpenSocket(LIVE, anna) as socket:
        found = [
            (await socket.request({**REQUEST, "quality": quality}))["quality"] for quality in ("low", "high", "low")
        ]
    assert found == ["low", "high", "low"]


async def test_above_its_bandwidth_a_viewer_gets_fewer_frames_and_the_reason(
    configured: Any, anna: Headers, pictures: CameraProcess
) -> None:
    configured(bandwidth={"per_viewer_kbit_s": 60})
    async with OpenSocket(LIVE, anna) as socket:
        limited = await next_message(socket, type="limited")
        await next_message(socket, type="frame", lowered=True)
        async with asyncio.timeout(PATIENCE_S):
            while not (await counted(anna, 1))["dropped"]:
                await socket.request(REQUEST)
    assert limited["limits"] == [
        {"reason": "bandwidth", "message": "One viewer gets 60 kbit/s at most: pictures are dropped."}
    ]


async def test_all_viewers_together_have_a_bandwidth(
    configured: Any, anna: Headers, pictures: CameraProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(bandwidth={"total_kbit_s": NOT_EVEN_ONE})
    async with OpenSocket(LIVE, anna) as socket:
        assert (await socket.request(REQUEST))["type"] == "frame"
        monkeypatch.setattr(consumers, "NO_FRAME_S", 0.1)
        limited = await next_message(socket, type="limited")
    assert "All viewers together" in limited["limits"][0]["message"]


async def test_a_busy_web_process_gives_the_next_lower_quality_and_then_full_quality_again(
    configured: Any, anna: Headers, pictures: CameraProcess
) -> None:
    configured(cpu_thresholds={"lower_quality": 50.0, "lower_fps": 0.0, "restore": 30.0, "hold_s": 0.0})
    load = [100.0]
    service = LiveStreamingService(load=lambda: load[0], times=LiveTimes(load_check_every_s=0.0))
    subscription.set_loop_singleton(service)
    async with OpenSocket(LIVE, anna) as socket:
        assert "The web server is busy" in str(await next_message(socket, type="limited"))
        assert (await next_message(socket, quality="low", type="frame"))["lowered"]
        load[0] = 0.0
        assert await next_message(socket, type="limited", limits=[])
        assert not (await next_message(socket, quality="medium", type="frame"))["lowered"]


async def test_a_busy_host_is_reported(anna: Headers, pictures: CameraProcess, server: redis.Redis) -> None:
    pictures.lowered = True
    async with OpenSocket(LIVE, anna, [BINARY]) as socket:
        limited = await socket.request(REQUEST)
        frame = await socket.receive()
    assert limited["limits"][0]["reason"] == "host_cpu"
    assert FRAME_HEADER.unpack_from(frame)[2] & LOWERED


@pytest.mark.parametrize("most", [1, 3])
async def test_the_configured_number_of_requests_may_wait(most: int, configured: Any, anna: Headers) -> None:
    configured(frame_buffer_size=most)
    async with OpenSocket(LIVE, anna) as socket:
        [await socket.send(REQUEST) for _ in range(most + 2)]
        assert f"At most {most} requests" in (await socket.receive())["message"]


async def test_a_changed_number_of_waiting_requests_applies_to_present_viewers(
    anna: Headers, pictures: CameraProcess
) -> None:
    async with watching(anna, 1) as (socket,):
        await sync_to_async(change_settings)({"live_streaming_config.frame_buffer_size": 2})
        service = subscription.loop_singleton(LiveStreamingService)
        await eventually_in_loop(lambda: service.settings.config.frame_buffer_size == 2)
        pictures.stop()
        [await socket.send(REQUEST) for _ in range(9)]
        refused = await socket.receive_until(lambda message: message["type"] == "error")
    assert "At most 2 requests" in refused["message"]


# Switched off


async def test_where_live_view_is_off_a_socket_sends_the_reason(
    configured: Any, anna: Headers, pictures: CameraProcess, server: redis.Redis
) -> None:
    configured(enabled=False)
    async with OpenSocket(LIVE, anna) as socket:
        answer = await socket.request(REQUEST)
    assert answer["type"] == "no_frame"
    assert answer["reason"] == "disabled"
    assert "live_streaming_config.enabled" in answer["message"]
    assert not server.keys("*:want:*")


async def test_switching_live_view_off_ends_views_with_a_reason_and_switching_it_on_allows_them(
    anna: Headers, pictures: CameraProcess
) -> None:
    async def switched(value: bool) -> None:
        await sync_to_async(change_settings)({"live_streaming_config.enabled": value})

    async with watching(anna, 1) as (socket,):
        await switched(False)
        assert (await next_message(socket, type="no_frame"))["reason"] == "disabled"
        await switched(True)
        await next_message(socket, type="frame")


@pytest.mark.parametrize("name", ["frame.jpg", "stream.mjpeg"])
def test_where_live_view_is_off_its_addresses_are_a_problem(
    name: str, configured: Any, viewer: Any, camera: Camera
) -> None:
    configured(enabled=False)
    answer = viewer.get(f"/api/v1/cameras/sky/{name}")
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/live-disabled"


@pytest.mark.parametrize("page", ["/cameras/sky/", "/live/viewers/"])
def test_where_live_view_is_off_pages_show_how_to_switch_it_on(
    page: str, configured: Any, viewer: Any, camera: Camera
) -> None:
    configured(enabled=False)
    page_text = viewer.get(page).content.decode()
    assert "<code>live_streaming_config.enabled: true</code>, under Settings." in page_text
    assert "start the station again" not in page_text


def test_a_manager_has_a_link_to_where_live_view_is_switched_on(configured: Any, manager: Any) -> None:
    configured(enabled=False)
    viewers = manager.get("/live/viewers/").content.decode().partition('id="viewers"')[2]
    assert f'href="{reverse("station-settings")}"' in viewers


def test_sent_pictures_are_counted_for_prometheus(viewer: Any) -> None:
    text = viewer.get("/api/v1/metrics/").content.decode()
    names = (
        "viewers",
        "frames_total",
        "bytes_total",
        "dropped_total",
        "refused_total",
        "lowered",
        "lowered_steps_total",
    )
    assert [name for name in names if f"# TYPE skycam_live_{name.removesuffix('_total')}" not in text] == []
