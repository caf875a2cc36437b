"""Who may open which WebSocket, as one table. A route without a line fails."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from cameras.models import Camera
from cameras.sockets import access
from skycam_project.access.models import User
from skycam_project.routing import sockets
from tests.harness.clients.people import user_named
from tests.harness.clients.sockets import HOST, OURS, OpenSocket, user_of, with_cookie, with_token
from tests.harness.clients.station_sockets import BINARY
from tests.harness.documents.route_table import PEOPLE, Line, cases, lines_of
from tests.harness.rows.audiences import only_for

CODES = {"in": True, "sign in": 4401, "refused": 4403, "not there": 4404}
LINES = lines_of("ws/")
LIVE = "/ws/live/sky/"
PROMISED_S = 5
"""After a right is revoked, open live views end within this time: docs/operating/pages.md."""


def headers_of(person: str, camera: Camera) -> dict[str, str]:
    users = {name: user_named(name) for name in PEOPLE}
    only_for(camera, *(name for name in users if name != "excluded"))
    return {"host": HOST, "origin": OURS} if person == "stranger" else with_cookie(users[person])


def test_every_socket_is_in_the_table() -> None:
    assert set(sockets) == {line.route for line in LINES}


@pytest.mark.parametrize(("line", "person"), cases(LINES), ids=str)
async def test_every_role_gets_the_answer_of_the_table(line: Line, person: str, camera: Camera) -> None:
    headers = await sync_to_async(headers_of)(person, camera)
    async with OpenSocket("/" + line.route.replace("<slug:slug>", "sky"), headers) as socket:
        assert (socket.answer[0] or socket.answer[1]) == CODES[line.answers[person]]


REFUSED = (False, 4403)
ORIGINS = {
    OURS: (True, None),
    None: REFUSED,
    "": REFUSED,
    "null": REFUSED,
    "http://elsewhere.example": REFUSED,
    "http://localhost:9999": REFUSED,
    "http://localhost": REFUSED,
    "ftp://localhost:8080": REFUSED,
    "http://localhost:8080.elsewhere.example": REFUSED,
    "http://[": REFUSED,
}


@pytest.mark.parametrize(("origin", "answer"), ORIGINS.items(), ids=map(repr, ORIGINS))
async def test_a_cookie_needs_an_origin_of_the_station(origin: str | None, answer: Any, camera: Camera) -> None:
    headers = await sync_to_async(lambda: with_cookie(user_of("viewer"), origin))()
    async with OpenSocket(LIVE, headers) as socket:
        assert socket.answer == answer


async def test_the_origin_of_an_unknown_host_is_refused(camera: Camera) -> None:
    headers = await sync_to_async(lambda: with_cookie(user_of("viewer"), "http://rebound.example"))()
    async with OpenSocket(LIVE, headers | {"host": "rebound.example"}) as socket:
        assert socket.answer == REFUSED


async def test_a_token_needs_no_origin(camera: Camera) -> None:
    async with OpenSocket(LIVE, await sync_to_async(lambda: with_token(user_of("viewer")))()) as socket:
        assert socket.answer == (True, None)


async def test_a_socket_accepts_a_token_after_either_word(camera: Camera) -> None:
    headers = await sync_to_async(lambda: with_token(user_of("viewer")))()
    bearer = headers | {"authorization": headers["authorization"].replace("Token", "Bearer")}
    async with OpenSocket(LIVE, bearer) as socket:
        assert socket.answer == (True, None)


async def test_a_token_is_capped_at_its_scope(camera: Camera) -> None:
    headers = await sync_to_async(lambda: with_token(user_of("manager"), scope="none"))()
    async with OpenSocket(LIVE, headers) as socket:
        assert socket.answer == (False, 4403)


SUBPROTOCOLS = [((), (True, None)), ((BINARY,), (True, BINARY)), (("graphql-ws",), (False, 4406))]


@pytest.mark.parametrize(("offered", "answer"), SUBPROTOCOLS)
async def test_an_unknown_subprotocol_is_refused(offered: Any, answer: Any, camera: Camera) -> None:
    headers = await sync_to_async(lambda: with_token(user_of("viewer")))()
    async with OpenSocket(LIVE, headers, offered) as socket:
        assert socket.answer == answer


@pytest.mark.parametrize("path", ["/ws/nothing/", "/", "/ws/live/sky", "/ws/live/none/"])
async def test_an_unknown_address_is_refused(path: str, camera: Camera) -> None:
    headers = await sync_to_async(lambda: with_token(user_of("viewer")))()
    async with OpenSocket(path, headers) as socket:
        assert socket.answer == (False, 4404)


def lower_role(user: User, camera: Camera) -> None:
    User.objects.filter(pk=user.pk).update(role="none")


def deactivate(user: User, camera: Camera) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def hide(user: User, camera: Camera) -> None:
    only_for(camera)


def remove(user: User, camera: Camera) -> None:
    user.delete()


def change_password(user: User, camera: Camera) -> None:
    user.set_password("another long sentence")
    user.save()


def revoke(user: User, camera: Camera) -> None:
    user.tokens.all().delete()


REVOCATIONS = [
    (lower_role, with_cookie, 4403),
    (deactivate, with_cookie, 4401),
    (hide, with_cookie, 4404),
    (remove, with_cookie, 4401),
    (change_password, with_cookie, 4401),
    (lower_role, with_token, 4403),
    (deactivate, with_token, 4401),
    (revoke, with_token, 4401),
]


def test_rights_are_checked_more_often_than_a_revoked_one_may_last() -> None:
    assert access.CHECK_EVERY_S < PROMISED_S


@pytest.mark.parametrize(("revoke_right", "credentials", "code"), REVOCATIONS)
async def test_each_revoked_right_closes_a_silent_socket(
    revoke_right: Any, credentials: Any, code: int, camera: Camera, frequent_checks: None
) -> None:
    user = await sync_to_async(user_of)("viewer")
    async with OpenSocket(LIVE, await sync_to_async(credentials)(user)) as socket:
        assert socket.answer[0]
        await sync_to_async(revoke_right)(user, camera)
        assert (await socket.wait_closed())[0] == code
