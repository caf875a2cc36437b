"""A restricted camera leaves no trace in lists, pages and numbers for users who are not listed."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from cameras.drivers.credentials import REDACTED
from cameras.editing.services import change_camera
from cameras.models import Camera
from captures.models import Session, SessionGap
from monitoring.services import record_event
from tests.harness.clients.people import World
from tests.harness.documents.route_table import Line, lines

NAME = "Zenith Nine"
ADDRESS = f"rtsp://ada:{REDACTED}@192.0.2.44:8554/attic"
OF_THE_ADDRESS = ("192.0.2.44", ":8554", "attic", "rtsp://ada")
LISTS = [
    line
    for line in lines()
    if line.method == "GET" and "<" not in line.route and "(" not in line.route and line.answers["excluded"] == "in"
]
SHOWING = ("api/v1/cameras/", "api/v1/captures/", "api/v1/clips/", "api/v1/sessions/", "api/v1/events/")


@pytest.fixture
def traces(world: World) -> list[str]:
    """Texts that would reveal the camera or its objects."""
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
    client = Client()
    client.force_login(world.users[person])
    answer = client.get(f"/{route}", follow=True)
    return (b"".join(answer) if answer.streaming else answer.content).decode(errors="replace")


@pytest.mark.parametrize("line", LISTS, ids=str)
def test_nothing_reveals_a_hidden_camera(line: Line, world: World, traces: list[str], valkey: Any) -> None:
    found = text_of(world, "excluded", line.route)
    assert [trace for trace in traces if trace in found] == []


@pytest.mark.parametrize("route", SHOWING)
def test_managers_and_listed_users_see_it(route: str, world: World, traces: list[str], valkey: Any) -> None:
    seen = [any(trace in text_of(world, person, route) for trace in traces) for person in ("manager", "viewer")]
    assert seen == [True, True]


@pytest.fixture
def addressed(camera: Camera, world: World) -> Camera:
    """A network camera that all users with a role may see, which was added and moved."""
    Camera.objects.update(kind="network", restricted=False)
    Session.objects.update(state="finished")
    changed = change_camera(camera, {"address": ADDRESS.replace(REDACTED, "sesame")}, "manager")
    record_event("camera.added", "It was added.", camera=changed, data={"arguments": {"address": changed.address}})
    return changed


OF_THE_CAMERA = [
    line
    for line in lines()
    if line.method == "GET" and "<slug:slug>" in line.route and line.answers["operator"] == "in"
    and not line.route.endswith(("frame.jpg", "stream.mjpeg"))
]  # fmt: skip


@pytest.mark.parametrize("line", [*LISTS, *OF_THE_CAMERA], ids=str)
def test_an_operator_does_not_see_its_address(line: Line, world: World, addressed: Camera, valkey: Any) -> None:
    route = world.address(line.route, world.users["operator"]).removeprefix("/")
    found = text_of(world, "operator", route)
    assert [part for part in OF_THE_ADDRESS if part in found] == []


def test_a_manager_sees_its_address_where_it_was_changed(world: World, addressed: Camera) -> None:
    found = [text_of(world, "manager", route) for route in ("api/v1/cameras/sky/", "api/v1/events/")]
    assert [ADDRESS in text for text in found] == [True, True]
