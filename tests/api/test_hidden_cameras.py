"""A restricted camera leaves no trace in lists, pages and numbers for users who are not listed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import pytest

from cameras.drivers.credentials import REDACTED
from cameras.models import Camera
from captures.models import Session, SessionGap
from core.events.service import record_event
from tests.harness.clients.people import World
from tests.harness.documents.route_table import lines
from tests.harness.rows.cameras import change_camera

NAME = "Zenith Nine"
ADDRESS = f"rtsp://ada:{REDACTED}@192.0.2.44:8554/attic"
OF_THE_ADDRESS = ("192.0.2.44", ":8554", "attic", "rtsp://ada")
LISTS = [
    line.route
    for line in lines()
    if line.method == "GET" and "<" not in line.route and "(" not in line.route and line.answers["excluded"] == "in"
]
SHOWING = ("api/v1/cameras/", "api/v1/captures/", "api/v1/clips/", "api/v1/sessions/", "api/v1/events/")


@pytest.fixture
def traces(shared_world: World) -> list[str]:
    """Texts that would reveal the camera or its objects."""
    world = shared_world
    Camera.objects.update(name=NAME)
    camera = Camera.objects.get()
    SessionGap.objects.create(
        id=uuid4(), session=world.session, from_at=camera.created_at, to_at=camera.created_at, first_index=0, count=1,
        reason="interrupted",
    )  # fmt: skip
    record_event("camera.state", "It fell over.", camera=camera)
    rows = (camera, world.capture, world.clip, world.session, world.alert)
    names = (world.clip.filename, world.capture.files.get().path, world.alert.message, "It fell over.")
    return [NAME, "/cameras/sky/", '"sky"', *(str(row.pk) for row in rows), *names]


def text_of(world: World, person: str, route: str) -> str:
    answer = world.client(person).get(f"/{route}", follow=True)
    return (b"".join(answer) if answer.streaming else answer.content).decode(errors="replace")


def revealing(world: World, person: str, routes: Iterable[str], parts: Iterable[str]) -> list[tuple[str, str]]:
    """Each route whose answer to this person has one of the parts, with this part."""
    texts = {route: text_of(world, person, route) for route in routes}
    return [(route, part) for route, text in texts.items() for part in parts if part in text]


@pytest.mark.parametrize("half", [LISTS[::2], LISTS[1::2]], ids=["even", "odd"])
def test_nothing_reveals_a_hidden_camera(
    half: list[str], shared_world: World, traces: list[str], empty_broker: Any
) -> None:
    assert revealing(shared_world, "excluded", half, traces) == []


@pytest.mark.parametrize("person", ["manager", "viewer"])
def test_managers_and_listed_users_see_it(
    person: str, shared_world: World, traces: list[str], empty_broker: Any
) -> None:
    assert {route for route, _ in revealing(shared_world, person, SHOWING, traces)} == set(SHOWING)


@pytest.fixture
def addressed(shared_world: World) -> Camera:
    """A network camera that all users with a role may see, which was added and moved."""
    Camera.objects.update(kind="network", restricted=False)
    Session.objects.update(state="finished")
    changed = change_camera(Camera.objects.get(), {"address": ADDRESS.replace(REDACTED, "sesame")}, "manager")
    record_event("camera.added", "It was added.", camera=changed, data={"arguments": {"address": changed.address}})
    return changed


OF_THE_CAMERA = [
    line.route
    for line in lines()
    if line.method == "GET" and "<slug:slug>" in line.route and line.answers["operator"] == "in"
    and not line.route.endswith(("frame.jpg", "stream.mjpeg"))
]  # fmt: skip


@pytest.mark.parametrize("routes", [LISTS[::2], LISTS[1::2], OF_THE_CAMERA], ids=["even", "odd", "of the camera"])
def test_an_operator_does_not_see_its_address(
    routes: list[str], shared_world: World, addressed: Camera, empty_broker: Any
) -> None:
    operator = shared_world.users["operator"]
    named = [shared_world.address(route, operator).removeprefix("/") for route in routes]
    assert revealing(shared_world, "operator", named, OF_THE_ADDRESS) == []


def test_a_manager_sees_its_address_where_it_was_changed(shared_world: World, addressed: Camera) -> None:
    routes = ["api/v1/cameras/sky/", "api/v1/events/"]
    assert revealing(shared_world, "manager", routes, [ADDRESS]) == [(route, ADDRESS) for route in routes]
