"""The station's metrics: for whom, from which rows, and what a failure leaves of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from cameras.models import Camera
from cameras.status import status
from cameras.status.messages import absent_status
from captures.capturing.models import CaptureTotal
from core.collection_errors import COLLECTION_ERRORS, CollectionErrors
from core.events.service import raise_alert
from core.station_owner import StationOwner
from monitoring import metrics
from monitoring.metrics import METRICS, StationCollector, metrics_for
from skycam_project.access.models import ApiToken, User
from tests.harness.clients.programs import program
from tests.harness.rows.audiences import only_for
from tests.harness.rows.many import many_cameras

pytestmark = pytest.mark.django_db
Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: bytes) -> Values:
    families = text_string_to_metric_families(text.decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(found: Values, name: str, **labels: str) -> float | None:
    return found.get((name, frozenset(labels.items())))


def owner_values() -> Values:
    return parsed(metrics_for(StationOwner()))


def count(camera: Camera, status: str = "saved", reason: str = "", bound_ms: int = 0, captures: int = 1) -> None:
    CaptureTotal.objects.create(
        camera=camera, status=status, reason=reason, duration_le_ms=bound_ms, captures=captures, seconds=2.0 * captures
    )


def test_images_and_errors_are_those_of_the_totals(camera: Camera) -> None:
    count(camera, captures=3)
    count(camera, "failed", "camera_error", captures=2)
    count(camera, "skipped", "overrun", captures=4)
    found = owner_values()
    assert value(found, "skycam_images_captured_total", camera="sky") == 3
    assert value(found, "skycam_capture_errors_total", camera="sky", error_type="camera_error") == 2
    assert value(found, "skycam_captures_skipped_total", camera="sky", reason="overrun") == 4


def test_a_camera_without_captures_begins_at_zero(camera: Camera) -> None:
    found = owner_values()
    assert value(found, "skycam_images_captured_total", camera="sky") == 0
    assert value(found, "skycam_capture_errors_total", camera="sky", error_type="camera_error") == 0
    assert value(found, "skycam_captures_skipped_total", camera="sky", reason="overrun") == 0


def test_an_error_that_one_camera_had_is_zero_for_the_others(camera: Camera) -> None:
    many_cameras(1)
    count(camera, "failed", "disk_full")
    found = owner_values()
    numbers = [number for (name, labels), number in found.items() if ("error_type", "disk_full") in labels]
    assert sorted(numbers) == [0, 1]


def test_a_bound_of_an_older_version_counts_under_the_next_one(camera: Camera) -> None:
    count(camera, bound_ms=7_000)
    found, name = owner_values(), "skycam_capture_duration_seconds_bucket"
    assert [value(found, name, camera="sky", le=le) for le in ("5.0", "10.0", "+Inf")] == [0, 1, 1]


def test_a_reason_of_another_version_makes_no_label_of_its_own(camera: Camera) -> None:
    count(camera, "failed", "gremlins")
    count(camera, "failed", "goblins")
    assert value(owner_values(), "skycam_capture_errors_total", camera="sky", error_type="other") == 2


def test_durations_are_a_histogram(camera: Camera) -> None:
    count(camera, bound_ms=500, captures=1)
    count(camera, bound_ms=10_000, captures=2)
    count(camera, bound_ms=2**31 - 1, captures=4)
    found, name = owner_values(), "skycam_capture_duration_seconds"
    bounds = ("0.25", "0.5", "5.0", "10.0", "900.0", "+Inf")
    assert [value(found, f"{name}_bucket", camera="sky", le=le) for le in bounds] == [0, 1, 1, 3, 3, 7]
    assert value(found, f"{name}_count", camera="sky") == 7
    assert value(found, f"{name}_sum", camera="sky") == 14.0


def test_a_camera_that_the_user_cannot_see_is_in_no_metric(camera: Camera, valkey: Any) -> None:
    count(camera)
    raise_alert("camera.unreachable:sky", "It is away.", camera=camera)
    status.write_status(valkey, absent_status("sky", "connected", "") | {"observed": "ready"})
    only_for(camera, User.objects.create_user("ada", role="viewer").username)
    text = program("viewer").get("/api/v1/metrics/").content.decode()
    assert 'camera="sky"' not in text
    assert 'skycam_alerts{severity="warning",state="open"} 0.0' in text


def test_what_names_paths_and_destinations_is_for_managers(viewer: Any, manager: Any) -> None:
    for name in ("skycam_archives", "skycam_offsite_backlog_files"):
        assert name not in viewer.get("/api/v1/metrics/").content.decode()
        assert name in manager.get("/api/v1/metrics/").content.decode()


def test_temperature_and_session_are_those_of_the_status(camera: Camera, valkey: Any) -> None:
    session = {"state": "running", "planned": 9, "saved": 7, "failed": 1, "skipped": 1}
    written = absent_status("sky", "connected", "") | {"observed": "ready", "temperature_celsius": -5.5}
    status.write_status(valkey, written | {"session": session})  # type: ignore[arg-type, operator]
    found = owner_values()
    assert value(found, "skycam_camera_temperature_celsius", camera="sky") == -5.5
    assert value(found, "skycam_active_captures", camera="sky") == 1
    assert value(found, "skycam_session_captures", camera="sky", outcome="saved") == 7


def test_a_camera_whose_host_is_silent_has_no_temperature_and_no_zero(camera: Camera, valkey: Any) -> None:
    found = owner_values()
    assert value(found, "skycam_camera_temperature_celsius", camera="sky") is None
    assert value(found, "skycam_active_captures", camera="sky") is None
    assert value(found, "skycam_images_captured_total", camera="sky") == 0


def broken(_user: Any) -> Any:
    raise ValueError("It is broken.")


def away(_user: Any) -> Any:
    raise OperationalError("The database is away.")


def collected_with(table: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> tuple[set[str], int]:
    """The names of the families that are collected with this table of metrics, and the number of errors."""
    monkeypatch.setattr(metrics, "METRICS", table)
    errors = CollectionErrors()
    return {family.name for family in StationCollector(StationOwner(), errors).collect()}, errors.number


ALERTS = "monitoring.alert_metrics.alert_metrics"


@pytest.mark.parametrize(("failure", "has_others"), [("broken", True), ("away", False)])
def test_what_fails_is_left_out_and_counted(failure: str, has_others: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    found, errors = collected_with({"first": f"{__name__}.{failure}", "alerts": ALERTS}, monkeypatch)
    assert errors == 1
    assert ("skycam_alerts" in found) is has_others


def test_what_needs_no_database_is_collected_without_it(valkey: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    without = {name: path if name in {"build", "sensors"} else f"{__name__}.away" for name, path in METRICS.items()}
    found, _ = collected_with(without, monkeypatch)
    assert found == {
        "skycam_build", "skycam_sensor_temperature_celsius", "skycam_sensor_value", "skycam_sensor_channels"
    }  # fmt: skip


def test_errors_of_the_collection_are_counted_in_the_web_part_from_its_start(camera: Camera) -> None:
    before = value(owner_values(), "skycam_capture_errors_total", error_type="metrics_collection", camera="")
    COLLECTION_ERRORS.add()
    after = value(owner_values(), "skycam_capture_errors_total", error_type="metrics_collection", camera="")
    assert before is not None
    assert after == before + 1


def queries() -> int:
    with CaptureQueriesContext(connection) as executed:
        metrics_for(StationOwner())
    return len(executed)


def test_a_scrape_has_as_many_queries_for_many_cameras_as_for_one(camera: Camera, valkey: Any) -> None:
    one = queries()
    many_cameras(31)
    assert queries() == one <= 20


def test_prometheus_signs_in_with_its_own_scheme(viewer: Any) -> None:
    text = bearer_of(User.objects.get(role="viewer"))
    answer = APIClient().get("/metrics", headers={"authorization": f"Bearer {text}"})
    assert answer.status_code == 200
    assert b"skycam_images_captured" in answer.content
    assert b"django_http_requests_latency" in answer.content
    assert answer["Content-Type"].startswith("text/plain; version=")


@pytest.mark.parametrize("sent", ["", "Bearer nonsense", "Bearer"])
def test_without_a_token_there_are_no_metrics(sent: str, db: None) -> None:
    assert APIClient().get("/metrics", headers={"authorization": sent}).status_code == 401


def bearer_of(user: User) -> str:
    return ApiToken.issue(user, scope="viewer")[1]
