"""Every page, method and role: the answers match the table in docs/clients/routes.md."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import get_resolver

from cameras.models import Camera
from core.pages.page import Page
from tests.harness.clients.people import World, routes
from tests.harness.documents.route_table import Line, lines
from tests.harness.rows.audiences import only_for

LINES = [line for line in lines() if line.method != "WS" and not line.route.startswith("api/")]
SIGN_IN_ROUTES = {"admin/login/", "admin/logout/"}
ADMINS_OWN = [line for line in LINES if line.route.startswith("admin/") and line.route not in SIGN_IN_ROUTES]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def pages() -> dict[str, Any]:
    found = dict(routes(get_resolver().url_patterns))
    return {route: view for route, view in found.items() if not route.startswith("api/")}


def unlisted() -> list[tuple[str, str]]:
    """Methods that the table does not list. The admin's pages are left out: they accept what their forms send."""
    listed = {(line.method, line.route) for line in LINES}
    routes = sorted({line.route for line in LINES if line not in ADMINS_OWN})
    return [(method, route) for route in routes for method in METHODS if (method, route) not in listed]


def test_every_page_is_in_the_table() -> None:
    assert set(pages()) == {line.route for line in LINES}


def test_every_method_of_a_page_is_in_the_table() -> None:
    views = {route: getattr(view, "view_class", None) for route, view in pages().items()}
    ours = {route: view.roles for route, view in views.items() if view is not None and issubclass(view, Page)}
    served = {(method, route) for route, roles in ours.items() for method in roles}
    assert served == {(line.method, line.route) for line in LINES if line.route in ours}


@pytest.mark.parametrize("line", LINES, ids=str)
def test_each_role_gets_the_answer_in_the_table(line: Line, world: World) -> None:
    assert world.answers(line) == line.answers


@pytest.mark.parametrize(("method", "route"), unlisted())
def test_a_method_outside_the_table_is_refused(method: str, route: str, world: World) -> None:
    assert world.request(method, route, "manager") == "no such method"


@pytest.mark.parametrize("line", ADMINS_OWN, ids=str)
def test_the_admins_forms_need_the_role_of_their_page(line: Line, world: World) -> None:
    answers = world.requests("POST", line.route)
    assert {person for person in answers if answers[person] not in {line.answers[person], "no such method"}} == set()


def test_an_anonymous_user_signs_in_and_returns_to_the_page(anonymous: Any) -> None:
    answer = anonymous.get("/status/?x=1")
    assert answer["Location"] == "/accounts/login/?next=/status/%3Fx%3D1"


def test_a_partial_redirects_the_whole_page_to_sign_in(anonymous: Any) -> None:
    answer = anonymous.get("/now/", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer["HX-Redirect"] == "/accounts/login/"


def test_a_hidden_camera_is_not_found(operator: Any, manager: Any, camera: Camera) -> None:

    only_for(camera)
    answers = [operator.get("/cameras/sky/"), operator.post("/cameras/sky/capture/"), operator.get("/cameras/sky/now/")]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert "/cameras/" not in operator.get("/").content.decode()
    assert manager.get("/cameras/sky/").status_code == 200


def test_a_viewer_sees_no_controls(viewer: Any, operator: Any, camera: Camera) -> None:
    assert "data-action" not in viewer.get("/").content.decode()
    assert "Acknowledge" not in viewer.get("/events/").content.decode()


def test_a_post_without_its_token_is_refused(camera: Camera, operator: Any) -> None:
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.cookies = operator.cookies
    answer = client.post("/cameras/sky/capture/")
    assert answer.status_code == 403
    assert "has expired" in answer.content.decode()
