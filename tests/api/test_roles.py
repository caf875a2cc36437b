"""Every route and method of the API, for each kind of user: each line of docs/clients/routes.md is requested."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import get_resolver

from cameras.models import Camera
from tests.harness.clients.people import World, routes
from tests.harness.documents.route_table import Line, lines_of

LINES = lines_of("api/")


def api_views() -> list[tuple[str, Any]]:
    return [(route, view) for route, view in routes(get_resolver().url_patterns) if route.startswith("api/")]


def methods() -> set[str]:
    handled = ("get", "post", "put", "patch", "delete")
    return {f"{name.upper()} /{route}" for route, view in api_views() for name in handled if hasattr(view.cls, name)}


def test_every_method_of_every_route_is_in_the_table() -> None:
    assert methods() == {str(line) for line in LINES}


@pytest.mark.parametrize("line", LINES, ids=str)
def test_every_user_gets_the_answer_of_the_table(line: Line, world: World, no_wait_for_frames: None) -> None:
    assert world.answers(line) == line.answers


def test_a_refused_viewer_learns_the_needed_role(viewer: Any, camera: Camera) -> None:
    answer = viewer.post("/api/v1/cameras/sky/connect/")
    assert answer.json()["detail"] == "This needs the role operator; yours is viewer. Ask a manager."
    assert answer.json()["type"] == "/problems/forbidden"


def test_an_anonymous_client_learns_how_to_sign_in(anonymous: Any) -> None:
    answer = anonymous.get("/api/v1/cameras/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Token realm="Skycam"'
    assert "auth/token" in answer.json()["detail"]


def test_a_view_without_roles_refuses_even_a_manager(rf: Any, manager: Any) -> None:
    from rest_framework.test import force_authenticate
    from rest_framework.views import APIView

    from skycam_project.access.models import User

    class ViewWithoutRoles(APIView):
        def get(self, request: Any) -> None: ...

    request = rf.get("/api/v1/forgotten/")
    force_authenticate(request, User.objects.get(role="manager"))
    assert ViewWithoutRoles.as_view()(request).status_code == 403
