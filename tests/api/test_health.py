from __future__ import annotations

from typing import Any

import pytest

from cameras import broker, status
from cameras.models import Camera
from monitoring import health


def beat(valkey: Any, observed: str) -> None:
    """What a camera host would write."""
    valkey.set(broker.key("host", "main"), "1", ex=5)
    written = status.absent("sky", "connected", "")
    written["observed"] = observed
    status.write(valkey, written)


def test_a_station_without_a_broker_is_broken_and_says_so(viewer: Any, camera: Camera) -> None:
    answer = viewer.get("/api/v1/health/")
    body = answer.json()
    assert (answer.status_code, body["status"], body["broker"], body["database"]) == (503, "broken", False, True)
    assert "broker" in body["problems"]["broker"][0]
    assert body["cameras"][0]["camera"] == "sky"
    assert body["free_disk_space_gb"] > 0


def test_a_station_without_its_camera_host_is_broken(viewer: Any, camera: Camera, valkey: Any) -> None:
    answer = viewer.get("/api/v1/health/")
    assert (answer.status_code, list(answer.json()["problems"])) == (503, ["hosts"])
    assert answer.json()["hosts"] == [{"host": "main", "alive": False}]


def test_a_station_whose_parts_answer_is_well(viewer: Any, camera: Camera, valkey: Any) -> None:
    beat(valkey, "ready")
    answer = viewer.get("/api/v1/health/")
    assert (answer.status_code, answer.json()["status"], answer.json()["problems"]) == (200, "ok", {})
    assert answer.json()["cameras"][0]["observed"] == "ready"


def test_a_quarantined_camera_is_for_an_operator_to_put_right(viewer: Any, camera: Camera, valkey: Any) -> None:
    beat(valkey, "quarantined")
    answer = viewer.get("/api/v1/health/")
    assert (answer.status_code, list(answer.json()["problems"])) == (503, ["cameras"])


def test_machines_are_told_ok_and_nothing_else(anonymous: Any) -> None:
    answer = anonymous.get("/healthz")
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, b"ok", "text/plain")
    assert dict(answer.cookies) == {}


def test_machines_are_told_503_without_a_database(anonymous: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skycam_project.health.database_problems", lambda: ["It is gone."])
    answer = anonymous.get("/healthz")
    assert (answer.status_code, b"gone" in answer.content) == (503, False)


def test_every_entry_of_the_table_answers(db: None) -> None:
    assert set(health.findings()) == {"database", "broker", "hosts", "cameras", "disk"}
