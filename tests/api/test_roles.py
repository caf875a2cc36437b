"""Roles in the API: what a refused client is told. All routes are requested by tests/access/test_route_table.py."""

from __future__ import annotations

from typing import Any

from cameras.models import Camera


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
