"""Single pictures: the limits of one user, and their share of the station's bandwidth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
import redis
from asgiref.sync import sync_to_async
from rest_framework.test import APIClient

from cameras.live import api, feed, snapshot_limiter
from cameras.live.presets import LOWER_QUALITY
from cameras.live.service import LiveStreamingService
from cameras.live.snapshot_limiter import MAX_WAITING_PER_USER, SnapshotLimiter, SnapshotLimitExceeded
from cameras.models import Camera
from cameras.sockets import subscription
from skycam_project.access.models import User
from tests.harness.clients.sockets import CameraProcess, user_of
from tests.harness.waiting import PATIENCE_S, eventually_in_loop

URL = "/api/v1/cameras/sky/frame.jpg"
NOT_EVEN_ONE = 0.01
"""kbit/s at which one picture uses the budget for longer than a request waits."""
SHORT_S = 0.1
"""How long a request waits for a picture that does not come."""
AN_HOUR_S = 3600


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request waits as long as it says, and not for a second at least; a picture stays fresh on a busy machine."""
    monkeypatch.setattr(snapshot_limiter, "MIN_WAIT_S", 0.0)
    monkeypatch.setattr(feed, "STALE_S", PATIENCE_S)
    monkeypatch.setattr(api, "FRAME_WAIT_S", PATIENCE_S)


@pytest_asyncio.fixture
async def anna(camera: Camera) -> User:
    return await sync_to_async(user_of)("viewer")


@pytest_asyncio.fixture
async def ben(camera: Camera) -> User:
    return await sync_to_async(user_of)("operator")


async def request_pictures(user: User, times: int = 1, quality: str = "medium") -> list[Any]:
    """The answers to `times` requests, one after the other."""

    def on_a_thread() -> list[Any]:
        client = APIClient()
        client.force_authenticate(user)
        return [client.get(URL, {"quality": quality}) for _ in range(times)]

    return await sync_to_async(on_a_thread)()


async def test_without_limits_no_request_is_refused(anna: User, pictures: CameraProcess) -> None:
    assert {answer.status_code for answer in await request_pictures(anna, 100)} == {200}


async def test_a_user_has_the_bandwidth_of_one_viewer(
    configured: Any, anna: User, ben: User, pictures: CameraProcess
) -> None:
    configured(bandwidth={"per_viewer_kbit_s": NOT_EVEN_ONE})
    first, second = await request_pictures(anna, 2)
    assert first.status_code == 200
    assert second.status_code == 429
    assert second.json()["type"] == "/problems/rate-limited"
    assert "One viewer gets 0.01 kbit/s at most" in second.json()["detail"]
    assert int(second["Retry-After"]) >= 1
    assert (await request_pictures(ben))[0].status_code == 200


async def test_a_user_a_little_above_the_limit_waits_and_is_not_refused(
    configured: Any, anna: User, pictures: CameraProcess
) -> None:
    configured(bandwidth={"per_viewer_kbit_s": len(pictures.jpeg) * 8 * 5 // 1000})  # five a second
    assert {answer.status_code for answer in await request_pictures(anna, 8)} == {200}


async def test_all_users_together_have_the_bandwidth_of_the_station(
    configured: Any, anna: User, ben: User, pictures: CameraProcess
) -> None:
    configured(bandwidth={"total_kbit_s": NOT_EVEN_ONE})
    assert [(await request_pictures(user))[0].status_code for user in (anna, ben)] == [200, 429]
    assert subscription.loop_singleton(LiveStreamingService).total_rate_limiter.wait_s() > 0


async def test_a_busy_web_process_gives_the_next_lower_quality(
    configured: Any, anna: User, pictures: CameraProcess, server: redis.Redis
) -> None:
    configured(cpu_thresholds={"lower_quality": 50.0, "lower_fps": 0.0, "restore": 30.0})
    service = LiveStreamingService(load=lambda: 100.0)
    service.load_shedder.level = LOWER_QUALITY
    subscription.set_loop_singleton(service)
    assert (await request_pictures(anna, quality="high"))[0].status_code == 200
    assert [name.rpartition(":")[2] for name in server.keys("*:want:*")] == ["medium"]


async def test_a_limited_number_of_requests_wait_for_a_camera_without_pictures(
    camera: Camera, server: redis.Redis
) -> None:
    async with waiting_requests("anna"):
        with pytest.raises(SnapshotLimitExceeded, match=f"At most {MAX_WAITING_PER_USER} requests"):
            await get_picture("anna")
        assert await get_picture("ben") is None
    assert await get_picture("anna") is None


@asynccontextmanager
async def waiting_requests(user: str, camera: str = "sky") -> AsyncIterator[list[asyncio.Future[Any]]]:
    """As many requests for pictures as may wait. They do not end by themselves."""
    limiter = subscription.loop_singleton(SnapshotLimiter)
    requests = [
        asyncio.ensure_future(limiter.get_picture(camera, "low", AN_HOUR_S, user)) for _ in range(MAX_WAITING_PER_USER)
    ]
    try:
        await eventually_in_loop(lambda: limiter.waiting(user) == MAX_WAITING_PER_USER)
        yield requests
    finally:
        for one in requests:
            one.cancel()
        await asyncio.gather(*requests, return_exceptions=True)


async def test_a_limited_number_of_requests_wait_for_the_bandwidth_of_the_station(
    configured: Any, camera: Camera, pictures: CameraProcess
) -> None:
    configured(bandwidth={"total_kbit_s": NOT_EVEN_ONE})
    await get_picture("anna", AN_HOUR_S)
    async with waiting_requests("anna"):
        with pytest.raises(SnapshotLimitExceeded, match=f"At most {MAX_WAITING_PER_USER} requests"):
            await get_picture("anna", AN_HOUR_S)


async def test_a_camera_with_pictures_is_not_delayed_by_others_without(camera: Camera, pictures: CameraProcess) -> None:
    await get_picture("anna", PATIENCE_S)
    async with waiting_requests("anna", "dark") as dead:
        assert await get_picture("anna", PATIENCE_S) is not None
        assert not any(one.done() for one in dead)


async def test_the_stations_own_programs_wait_without_a_limit(camera: Camera, server: redis.Redis) -> None:
    found = await asyncio.gather(*[get_picture("") for _ in range(2 * MAX_WAITING_PER_USER)])
    assert found == [None] * 2 * MAX_WAITING_PER_USER


async def test_the_check_before_a_stream_waits_too_and_uses_no_bandwidth(
    configured: Any, camera: Camera, pictures: CameraProcess
) -> None:
    configured(bandwidth={"per_viewer_kbit_s": NOT_EVEN_ONE})
    limiter = subscription.loop_singleton(SnapshotLimiter)
    assert [await limiter.has_picture("sky", "low", PATIENCE_S, "anna") for _ in range(3)] == [True] * 3
    async with waiting_requests("ben", "dark"):
        with pytest.raises(SnapshotLimitExceeded):
            await limiter.has_picture("dark", "low", SHORT_S, "ben")


def get_picture(user: str, wait_s: float = SHORT_S) -> Any:
    return subscription.loop_singleton(SnapshotLimiter).get_picture("sky", "low", wait_s, user)


async def test_a_feed_that_has_just_started_is_no_broker_that_is_away(camera: Camera, server: redis.Redis) -> None:
    assert await subscription.loop_singleton(SnapshotLimiter).has_picture("sky", "low", 0.0, "anna") is False
    assert await get_picture("anna", 0.0) is None
