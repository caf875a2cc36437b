"""Every route of the API, every method, every role: one literal table. A route without a line fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from cameras.models import Camera
from tests.api.builders import UNKNOWN

ROLES = {
    "POST v1/auth/token/": "anyone",
    "GET v1/health/": "viewer",
    "GET v1/schema/": "viewer",
    "GET v1/docs/": "viewer",
    "GET v1/cameras/": "viewer",
    "POST v1/cameras/": "manager",
    "POST v1/cameras/detect/": "manager",
    "GET v1/cameras/<slug:slug>/": "viewer",
    "PATCH v1/cameras/<slug:slug>/": "manager",
    "DELETE v1/cameras/<slug:slug>/": "manager",
    "POST v1/cameras/<slug:slug>/connect/": "operator",
    "POST v1/cameras/<slug:slug>/disconnect/": "operator",
    "POST v1/cameras/<slug:slug>/capture/": "operator",
    "POST v1/cameras/<slug:slug>/start/": "operator",
    "POST v1/cameras/<slug:slug>/stop/": "operator",
    "GET v1/cameras/<slug:slug>/status/": "viewer",
    "GET v1/cameras/<slug:slug>/settings/": "viewer",
    "PUT v1/cameras/<slug:slug>/settings/": "operator",
    "PATCH v1/cameras/<slug:slug>/settings/": "operator",
    "GET v1/cameras/<slug:slug>/capabilities/": "viewer",
    "GET v1/cameras/<slug:slug>/frame.jpg": "viewer",
    "GET v1/cameras/<slug:slug>/stream.mjpeg": "viewer",
    "GET v1/captures/": "viewer",
    "GET v1/captures/calendar/": "viewer",
    "GET v1/captures/<uuid:capture>/": "viewer",
    "GET v1/captures/<uuid:capture>/thumbnail/": "viewer",
    "GET v1/captures/<uuid:capture>/file/": "viewer",
    "GET v1/sessions/": "viewer",
    "GET v1/sessions/<uuid:session>/": "viewer",
    "POST v1/sessions/<uuid:session>/stop/": "operator",
    "GET v1/events/": "viewer",
    "GET v1/alerts/": "viewer",
    "POST v1/alerts/<uuid:alert>/acknowledge/": "operator",
    "POST camera/connect/": "operator",
    "POST camera/disconnect/": "operator",
    "POST camera/start/": "operator",
    "POST camera/stop/": "operator",
    "GET camera/status/": "viewer",
}
RANKS = ["anyone", "viewer", "operator", "manager"]
PEOPLE = {"anonymous": 0, "stranger": 0, "viewer": 1, "operator": 2, "manager": 3}
REFUSED = {"anonymous": 401, "stranger": 403, "viewer": 403, "operator": 403, "manager": 403}

CASES = [(person, line) for line in ROLES for person in PEOPLE]


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern), pattern.callback


def api_views() -> list[tuple[str, Any]]:
    return [
        (route.removeprefix("api/"), view) for route, view in routes(get_resolver().url_patterns) if "api/" in route
    ]


def declared() -> dict[str, str]:
    return {f"{method} {route}": role for route, view in api_views() for method, role in view.cls.roles.items()}


def methods() -> set[str]:
    handled = ("get", "post", "put", "patch", "delete")
    return {f"{name.upper()} {route}" for route, view in api_views() for name in handled if hasattr(view.cls, name)}


def test_every_view_declares_the_roles_of_this_table() -> None:
    assert declared() == ROLES


def test_every_method_that_a_view_has_is_in_this_table() -> None:
    assert methods() == set(ROLES)


@pytest.mark.parametrize(("person", "line"), CASES, ids=[f"{person} {line}" for person, line in CASES])
def test_a_role_lets_in_or_not(person: str, line: str, camera: Camera, request: pytest.FixtureRequest) -> None:
    method, route = line.split()
    path = route.replace("<slug:slug>", "sky")
    for name in ("capture", "session", "alert"):
        path = path.replace(f"<uuid:{name}>", UNKNOWN)
    answer = request.getfixturevalue(person).generic(method, f"/api/{path}")
    allowed = PEOPLE[person] >= RANKS.index(ROLES[line])
    expected = {REFUSED[person]} if not allowed else {200, 201, 202, 204, 400, 404, 409, 503}
    assert answer.status_code in expected


def test_a_viewer_is_told_which_role_is_needed(viewer: Any, camera: Camera) -> None:
    answer = viewer.post("/api/v1/cameras/sky/connect/")
    assert answer.json()["detail"] == "This needs the role operator; yours is viewer. Ask a manager."
    assert answer.json()["type"] == "/problems/forbidden"


def test_somebody_unknown_is_told_how_to_sign_in(anonymous: Any) -> None:
    answer = anonymous.get("/api/v1/cameras/")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Token realm="Skycam"')
    assert "auth/token" in answer.json()["detail"]


def test_a_view_without_roles_refuses_even_a_manager(rf: Any, manager: Any) -> None:
    from rest_framework.test import force_authenticate
    from rest_framework.views import APIView

    from skycam_project.access.models import User

    class Forgotten(APIView):
        def get(self, request: Any) -> None: ...

    request = rf.get("/api/v1/forgotten/")
    force_authenticate(request, User.objects.get(role="manager"))
    assert Forgotten.as_view()(request).status_code == 403
