"""Pages and roles: what a refused user sees. tests/access/test_route_table.py requests every page for every role."""

from __future__ import annotations

from typing import Any

from cameras.models import Camera
from tests.harness.rows.audiences import only_for


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
