"""Every page, every method, every role: one literal table. A page without a line fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from cameras.models import Camera
from tests.api.builders import UNKNOWN

ROLES = {
    "GET ": "viewer",
    "GET dashboard/now/": "viewer",
    "GET now/": "viewer",
    "GET temperatures/": "viewer",
    "GET cameras/<slug:slug>/": "viewer",
    "GET cameras/<slug:slug>/now/": "viewer",
    "POST cameras/<slug:slug>/connect/": "operator",
    "POST cameras/<slug:slug>/disconnect/": "operator",
    "GET cameras/<slug:slug>/settings/": "viewer",
    "POST cameras/<slug:slug>/settings/": "operator",
    "POST cameras/<slug:slug>/capture/": "operator",
    "GET cameras/<slug:slug>/start/": "operator",
    "POST cameras/<slug:slug>/start/": "operator",
    "POST cameras/<slug:slug>/stop/": "operator",
    "GET events/": "viewer",
    "POST alerts/<uuid:alert>/acknowledge/": "operator",
    "GET status/": "viewer",
    "GET status/now/": "viewer",
    "GET status/examination/": "operator",
    "GET users/": "manager",
    "POST users/": "manager",
    "POST users/<int:user>/": "manager",
    "GET accounts/": "viewer",
    "POST accounts/tokens/": "viewer",
    "POST accounts/tokens/<int:token>/revoke/": "viewer",
    "POST accounts/sign-ins/<uuid:sign_in>/revoke/": "viewer",
}
OUTSIDE = {"accounts/login/", "accounts/logout/", "accounts/password/", "preferences/", "healthz", "admin/login/"}
"""Doors: for everybody, or only for oneself."""
RANKS = ["viewer", "operator", "manager"]
PEOPLE = {"anonymous": -1, "stranger": -1, "viewer": 0, "operator": 1, "manager": 2}
CASES = [(person, line) for line in ROLES for person in PEOPLE]


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern), pattern.callback


def pages() -> dict[str, Any]:
    found = dict(routes(get_resolver().url_patterns))
    return {route: view for route, view in found.items() if not route.startswith(("api/", "admin/"))}


def address(route: str) -> str:
    path = route.replace("<slug:slug>", "sky").replace("<int:user>", "0").replace("<int:token>", "0")
    return "/" + path.replace("<uuid:alert>", UNKNOWN).replace("<uuid:sign_in>", UNKNOWN)


def test_every_page_stands_in_this_table() -> None:
    declared = {
        f"{method} {route}": role
        for route, view in pages().items()
        if route not in OUTSIDE
        for method, role in view.view_class.roles.items()
    }
    assert declared == ROLES


@pytest.mark.parametrize(("person", "line"), CASES, ids=[f"{person} {line}" for person, line in CASES])
def test_a_role_lets_in_or_not(person: str, line: str, camera: Camera, request: pytest.FixtureRequest) -> None:
    method, _, route = line.partition(" ")
    answer = request.getfixturevalue(person).generic(method, address(route))
    allowed = PEOPLE[person] >= RANKS.index(ROLES[line])
    refused = {302} if person == "anonymous" else {403}
    assert answer.status_code in ({200, 302, 400, 404, 409} if allowed else refused)


def test_somebody_unknown_is_led_to_the_door_and_back(anonymous: Any) -> None:
    answer = anonymous.get("/status/?x=1")
    assert answer["Location"] == "/accounts/login/?next=/status/%3Fx%3D1"


def test_a_part_of_a_page_leads_the_whole_page_to_the_door(anonymous: Any) -> None:
    answer = anonymous.get("/now/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (401, "/accounts/login/")


def test_a_camera_that_one_may_not_see_does_not_exist(operator: Any, manager: Any, camera: Camera) -> None:
    from skycam_project.access.models import User

    camera.audience.add(User.objects.get(role="manager"))
    answers = [operator.get("/cameras/sky/"), operator.post("/cameras/sky/capture/"), operator.get("/cameras/sky/now/")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert "/cameras/" not in operator.get("/").content.decode()
    assert manager.get("/cameras/sky/").status_code == 200


def test_a_viewer_sees_no_controls(viewer: Any, operator: Any, camera: Camera) -> None:
    assert "data-act" not in viewer.get("/").content.decode()
    assert "Seen" not in viewer.get("/events/").content.decode()


def test_a_post_without_its_token_is_refused(camera: Camera, operator: Any) -> None:
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.cookies = operator.cookies
    answer = client.post("/cameras/sky/capture/")
    assert answer.status_code == 403
    assert "too old" in answer.content.decode()
