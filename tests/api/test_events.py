from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from core.events.models import Alert
from core.events.service import acknowledge_alert, raise_alert, record_event, resolve_alert
from tests.harness.rows.audiences import only_for


def kinds(answer: Any) -> list[str]:
    return [event["kind"] for event in answer.json()["results"]]


def test_events_come_newest_first_in_pages(viewer: Any, camera: Camera) -> None:
    for number in range(3):
        record_event(f"kind.{number}", "It happened.", camera=camera)
    first = viewer.get("/api/v1/events/?limit=2")
    assert kinds(first) == ["kind.2", "kind.1"]
    assert kinds(viewer.get(first.json()["next"])) == ["kind.0"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"kind": "a"}, ["a"]),
        ({"camera": "sky"}, ["a"]),
        ({"severity": "error"}, ["b"]),
        ({"to": "2020-01-01T00:00:00Z"}, []),
        ({"from": "2020-01-01T00:00:00Z"}, ["b", "a"]),
    ],
)
def test_events_are_filtered(query: dict[str, str], expected: list[str], viewer: Any, camera: Camera) -> None:
    record_event("a", "It happened.", camera=camera)
    record_event("b", "It happened.", severity="error", camera=None)
    assert kinds(viewer.get("/api/v1/events/", query)) == expected


@pytest.mark.parametrize("query", [{"severity": "bad"}, {"kind": "\0"}, {"actor": "me"}, {"to": "now"}])
def test_an_invalid_filter_is_refused(query: dict[str, str], viewer: Any) -> None:
    assert viewer.get("/api/v1/events/", query).status_code == 400


def test_sign_ins_are_shown_only_to_managers(viewer: Any, manager: Any) -> None:
    record_event("user.denied", "A sign-in was refused.", camera=None)
    assert kinds(viewer.get("/api/v1/events/")) == []
    assert kinds(manager.get("/api/v1/events/")) == ["user.denied"]


def test_events_and_alerts_of_a_hidden_camera_are_hidden_too(viewer: Any, operator: Any, camera: Camera) -> None:
    only_for(camera, "a-viewer")
    alert = raise_alert("camera.quarantined:sky", "It hangs.", camera=camera)
    assert kinds(viewer.get("/api/v1/events/")) == ["alert.opened"]
    assert [operator.get(f"/api/v1/{name}/").json()["results"] for name in ("events", "alerts")] == [[], []]
    assert operator.post(f"/api/v1/alerts/{alert.id}/acknowledge/").status_code == 404


def test_changes_of_an_alert_of_a_hidden_camera_are_hidden_too(viewer: Any, operator: Any, camera: Camera) -> None:
    only_for(camera, "a-operator")
    acknowledge_alert(raise_alert("camera.quarantined:sky", "It hangs.", camera=camera), "somebody")
    resolve_alert("camera.quarantined:sky")
    assert kinds(operator.get("/api/v1/events/")) == ["alert.resolved", "alert.acknowledged", "alert.opened"]
    assert kinds(viewer.get("/api/v1/events/")) == []


def test_a_removed_camera_reveals_nothing_of_a_hidden_one_with_its_slug(
    viewer: Any, manager: Any, camera: Camera
) -> None:
    Camera.objects.update(removed_at=timezone.now(), primary=False)
    hidden = Camera.objects.create(slug="sky", name="Sky", kind="simulated", host=camera.host)
    only_for(hidden)
    record_event("camera.state", "It hangs.", camera=hidden)
    assert kinds(viewer.get("/api/v1/events/")) == []
    assert kinds(manager.get("/api/v1/events/")) == ["camera.state"]


def test_an_operator_acknowledges_an_alert_once(operator: Any, camera: Camera) -> None:
    alert = raise_alert("camera.quarantined:sky", "It hangs.", camera=camera)
    answers = [operator.post(f"/api/v1/alerts/{alert.id}/acknowledge/").json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["state"] == "acknowledged"
    assert answers[0]["acknowledged_by"] == "a-operator"
    assert kinds(operator.get("/api/v1/events/")) == ["alert.acknowledged", "alert.opened"]
    listed = operator.get("/api/v1/alerts/", {"state": Alert.State.ACKNOWLEDGED, "camera": "sky"})
    assert listed.json()["results"] == [answers[0]]
