"""How many WebSockets one user may have open."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings

from cameras.models import Camera
from tests.harness.clients.sockets import OpenSocket, user_of, with_token

LIVE, STATUS = "/ws/live/sky/", "/ws/status/"
IN, TOO_MANY = True, 4429


@pytest.fixture
def limits(configured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sockets of one user, and one viewer in addition."""
    configured(max_viewers_per_user=1)
    web = settings.STATION.web
    limited = web.model_copy(update={"limits": web.limits.model_copy(update={"sockets_per_user": 2})})
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"web": limited}))


@pytest.mark.parametrize(
    ("paths", "answers"),
    [
        ((STATUS, STATUS, STATUS, LIVE), [IN, IN, TOO_MANY, IN]),
        ((LIVE, STATUS, STATUS, STATUS), [IN, IN, IN, TOO_MANY]),
        ((LIVE, LIVE, LIVE, LIVE, STATUS), [IN, IN, IN, TOO_MANY, TOO_MANY]),
    ],
)
async def test_live_sockets_come_on_top_of_the_others_in_any_order(
    limits: None, camera: Camera, paths: tuple[str, ...], answers: list[Any]
) -> None:
    headers = await sync_to_async(lambda: with_token(user_of("viewer")))()
    async with AsyncExitStack() as opened:
        sockets = [await opened.enter_async_context(OpenSocket(path, headers)) for path in paths]
        assert [socket.answer[0] or socket.answer[1] for socket in sockets] == answers


async def test_a_closed_socket_makes_room_for_another_of_its_kind(limits: None, camera: Camera) -> None:
    headers = await sync_to_async(lambda: with_token(user_of("viewer")))()
    async with OpenSocket(STATUS, headers), OpenSocket(STATUS, headers):
        async with OpenSocket(LIVE, headers):
            pass
        async with OpenSocket(LIVE, headers) as socket:
            assert socket.answer[0]
