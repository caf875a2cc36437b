"""The routes of alert rules and maintenance windows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from core.events.models import Alert, Event
from core.events.service import raise_alert
from monitoring.alert_rules import services
from monitoring.alert_rules.rule import DEFAULT_RULES
from monitoring.models import AlertRule, MaintenanceWindow, SensorChannel
from tests.harness.rows.audiences import only_for
from tests.harness.rows.sensors import make_sensor

pytestmark = pytest.mark.django_db
RULES = "/api/v1/alert-rules/"
WINDOWS, SILENCES = "/api/v1/maintenance-windows/", "/api/v1/silences/"
NEW: dict[str, Any] = {"name": "hot", "kind": "reading_above", "subject": "balcony:t", "threshold": 30, "clear": 25}


@pytest.fixture(autouse=True)
def no_rules(db: None) -> None:
    AlertRule.objects.all().delete()


@pytest.fixture
def rule() -> AlertRule:
    return AlertRule.objects.create(name="hot", kind="reading_above", subject="balcony:t", threshold=30, clear=25)


@pytest.fixture
def alert(rule: AlertRule) -> Alert:
    data = {"rule": "hot", "subject": "balcony:t", "host": "main", "value": 31.0}
    return raise_alert("rule:hot:balcony:t", "It is hot.", data=data, camera=None)


def last_event() -> Event:
    found = Event.objects.first()
    assert found is not None
    return found


def test_a_manager_adds_a_rule(manager: Any) -> None:
    answer = manager.post(RULES, NEW)
    assert answer.status_code == 201
    body = answer.json()
    assert (body["name"], body["threshold"], body["clear"], body["enabled"]) == ("hot", 30, 25, True)
    assert manager.get(answer["Location"]).json() == body
    assert manager.get(RULES).json() == {"results": [body]}
    assert (last_event().kind, last_event().subject, last_event().actor) == ("rule.added", "hot", "a-manager")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "reading_abov"}, "kind: There is no kind of rules 'reading_abov'. Did you mean reading_above?"),
        ({"name": "Hot!"}, "name: "),
        ({"name": "preview"}, "name: preview is reserved."),
        ({"threshold": None}, "threshold: Write the value"),
        ({"threshold": "nan"}, "threshold: "),
        ({"threshold": 1e300}, "threshold: "),
        ({"threshold": True}, "threshold: "),
        ({"clear": 31}, "clear: The value that closes the alert must be at most the threshold, 30."),
        ({"kind": "reading_below", "clear": 20}, "clear: The value that closes the alert must be at least"),
        ({"kind": "reading_falls", "clear": None}, "threshold: A fall is a negative change: write -30."),
        ({"kind": "reading_rises", "threshold": -1, "clear": None}, "threshold: Write how much a reading may rise"),
        ({"for_s": -1}, "for_s: "),
        ({"for_s": 40 * 86_400}, "for_s: "),
        ({"severity": "loud"}, "severity: "),
        ({"subject": "a\u202eb"}, "subject: This contains a line break or an invisible character."),
        ({"subject": "a" * 201}, "subject: "),
        ({"subject": " "}, "subject: "),
        ({"kind": "sensor_missing"}, "threshold: A rule of the kind sensor_missing has no threshold."),
        ({"kind": "event", "threshold": 1.5, "clear": None}, "threshold: Write how many events"),
        ({"kind": "event", "clear": None}, "subject: No event is of the kind 'balcony'."),
        ({"kind": "event", "subject": "sesion.gap", "clear": None}, "subject: No event is of the kind 'sesion.gap'."),
        ({"kind": "event", "subject": "alert.opened", "clear": None}, "subject: No rule watches the events of alerts"),
        ({"kind": "event", "subject": "session.gap", "clear": None}, "for_s: Write within which time"),
        ({"secret": 1}, "secret: "),
    ],
)  # fmt: skip
def test_a_bad_rule_is_refused(manager: Any, change: dict[str, Any], message: str) -> None:
    answer = manager.post(RULES, {**NEW, **change})
    assert answer.status_code == 400
    assert message in [f"{one['field']}: {one['message']}"[: len(message)] for one in answer.json()["errors"]]
    assert not AlertRule.objects.exists()


def test_a_rule_without_a_threshold_of_its_own_needs_none(manager: Any) -> None:
    assert manager.post(RULES, {"name": "gone", "kind": "sensor_missing"}).json()["threshold"] == 0.5


def test_a_kind_that_no_part_of_the_station_reads_is_refused(manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "READ_SIGNALS", frozenset({"frame_age"}))
    assert "it would never open" in manager.post(RULES, NEW).json()["detail"]


def test_a_name_is_taken(manager: Any, rule: AlertRule) -> None:
    assert "already" in manager.post(RULES, NEW).json()["detail"]


def test_a_repeated_request_adds_one_rule(manager: Any) -> None:
    key = {"HTTP_IDEMPOTENCY_KEY": "0192f0c1-2b3a-7c4d-8e5f-000000000001"}
    first, second = manager.post(RULES, NEW, **key), manager.post(RULES, NEW, **key)
    assert first.json() == second.json()
    assert AlertRule.objects.count() == 1


def test_a_changed_rule_closes_its_alerts(manager: Any, alert: Alert) -> None:
    body = manager.patch(f"{RULES}hot/", {"threshold": 40, "clear": None}).json()
    assert (body["threshold"], body["clear"], body["open_alerts"]) == (40, None, 0)
    alert.refresh_from_db()
    assert alert.state == Alert.State.RESOLVED
    assert Event.objects.get(kind="rule.changed").data == {"threshold": 40.0, "clear": None}


def test_a_change_that_changes_nothing_keeps_the_alerts(manager: Any, alert: Alert) -> None:
    assert manager.patch(f"{RULES}hot/", {"threshold": 30}).json()["open_alerts"] == 1
    assert last_event().kind == "alert.opened"


def test_a_change_is_refused_if_the_whole_makes_no_sense(manager: Any, rule: AlertRule) -> None:
    assert manager.patch(f"{RULES}hot/", {"threshold": 20}).status_code == 400
    rule.refresh_from_db()
    assert rule.threshold == 30


def test_a_removed_rule_closes_its_alerts(manager: Any, alert: Alert) -> None:
    assert manager.delete(f"{RULES}hot/").status_code == 204
    alert.refresh_from_db()
    assert alert.state == Alert.State.RESOLVED
    assert manager.get(f"{RULES}hot/").status_code == 404
    assert Event.objects.filter(kind="rule.removed").exists()


def test_the_alerts_of_another_rule_with_a_longer_name_stay(manager: Any, alert: Alert) -> None:
    AlertRule.objects.create(name="ho", kind="reading_above", threshold=1)
    manager.delete(f"{RULES}ho/")
    alert.refresh_from_db()
    assert alert.state == Alert.State.OPEN


def test_a_viewer_reads_rules_and_changes_none(viewer: Any, rule: AlertRule) -> None:
    assert viewer.get(f"{RULES}hot/").json()["subject"] == "balcony:t"
    assert viewer.post(RULES, NEW).status_code == 403
    assert viewer.patch(f"{RULES}hot/", {"enabled": False}).status_code == 403
    assert viewer.delete(f"{RULES}hot/").status_code == 403
    assert viewer.post(f"{RULES}preview/", NEW).status_code == 403


def window_of(subject: str, **fields: Any) -> MaintenanceWindow:
    """It runs for an hour."""
    now = timezone.now()
    return MaintenanceWindow.objects.create(subject=subject, begins_at=now, ends_at=now + timedelta(hours=1), **fields)


@pytest.mark.parametrize("subject", ["session.gap:sky", "sky", "metric{camera=sky}", "sk*", "session.gap:?ky"])
def test_a_rule_that_names_a_hidden_camera_does_not_exist(viewer: Any, camera: Camera, subject: str) -> None:
    only_for(camera)
    AlertRule.objects.create(name="secret", kind="no_frame", subject=subject, threshold=30)
    window_of(subject)
    assert viewer.get(f"{RULES}secret/").status_code == 404
    assert viewer.get(RULES).json() == {"results": []}
    assert viewer.get(WINDOWS).json() == {"results": []}


def test_a_rule_counts_only_the_alerts_that_its_reader_may_see(viewer: Any, manager: Any, camera: Camera) -> None:
    AlertRule.objects.create(name="frames", kind="no_frame", threshold=30)
    raise_alert("rule:frames:sky", "No frame.", camera=camera, data={"rule": "frames", "subject": "sky"})
    only_for(camera)
    assert viewer.get(f"{RULES}frames/").json()["open_alerts"] == 0
    assert viewer.get(f"{RULES}frames/").json()["subjects"] == []
    assert manager.get(f"{RULES}frames/").json()["open_alerts"] == 1


def test_the_list_takes_the_same_queries_for_any_number_of_rules(manager: Any, django_assert_num_queries: Any) -> None:
    AlertRule.objects.bulk_create(AlertRule(name=f"r{n}", kind="no_frame", threshold=n) for n in range(50))
    manager.get(RULES)
    with django_assert_num_queries(6):
        assert len(manager.get(RULES).json()["results"]) == 50


def test_the_defaults_are_listed_before_they_are_restored(manager: Any) -> None:
    AlertRule.objects.create(name="no-frame", kind="no_frame", threshold=99, clear_for_s=5, severity="error")
    dry = manager.post(f"{RULES}defaults/", {}).json()
    assert dry["dry_run"] is True
    assert len(dry["results"]) == len(DEFAULT_RULES)
    assert {"name": "no-frame", "action": "reset", "changes": {"threshold": 30}} in dry["results"]
    assert AlertRule.objects.count() == 1


def test_the_restored_defaults_are_those_of_a_new_station(manager: Any) -> None:
    AlertRule.objects.create(name="mine", kind="no_frame", threshold=99)
    assert len(manager.post(f"{RULES}defaults/", {"dry_run": False}).json()["results"]) == len(DEFAULT_RULES)
    assert manager.post(f"{RULES}defaults/", {}).json()["results"] == []
    assert AlertRule.objects.count() == len(DEFAULT_RULES) + 1


def test_a_manager_adds_a_window_and_an_operator_ends_and_removes_it(manager: Any, operator: Any) -> None:
    answer = manager.post(WINDOWS, {"subject": "balcony", "duration_s": 3600, "reason": "New cable"})
    assert answer.status_code == 201
    body = answer.json()
    assert (body["subject"], body["running"], body["created_by"]) == ("balcony", True, "a-manager")
    assert operator.post(f"{WINDOWS}{body['id']}/end/").json()["running"] is False
    assert operator.post(f"{WINDOWS}{body['id']}/end/").status_code == 400
    assert operator.delete(f"{WINDOWS}{body['id']}/").status_code == 204
    kinds = Event.objects.filter(kind__startswith="maintenance.").order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["maintenance.added", "maintenance.ended", "maintenance.removed"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"subject": "a"}, "to"),
        ({"subject": "a", "duration_s": 60, "to": "2999-01-01T00:00:00Z"}, "to"),
        ({"subject": "a", "to": "2999-01-01T00:00:00Z"}, "to"),
        ({"subject": "a", "to": "2020-01-01T00:00:00Z"}, "to"),
        ({"subject": "a", "from": "2020-01-01T00:00:00Z", "duration_s": 60}, "duration_s"),
        ({"subject": "a", "from": "9999-12-31T23:59:59Z", "duration_s": 60}, "from"),
        ({"subject": "a", "duration_s": 1e9}, "duration_s"),
        ({"duration_s": 60}, "subject"),
        ({"subject": "a", "duration_s": 60, "reason": "a\u202eb"}, "reason"),
    ],
)
def test_a_bad_window_is_refused(manager: Any, body: dict[str, Any], field: str) -> None:
    answer = manager.post(WINDOWS, body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not MaintenanceWindow.objects.exists()


def test_who_may_not_silence_a_camera_adds_no_window_for_it(operator: Any, manager: Any, camera: Camera) -> None:
    window, silence = {"subject": "sky", "duration_s": 60}, {"camera": "sky", "for_s": 60}
    assert [operator.post(path, body).status_code for path, body in ((WINDOWS, window), (SILENCES, silence))] == [
        403
    ] * 2
    assert [manager.post(path, body).status_code for path, body in ((WINDOWS, window), (SILENCES, silence))] == [
        201
    ] * 2


def test_who_made_a_window_for_a_camera_that_is_hidden_since_sees_and_ends_it(operator: Any, camera: Camera) -> None:
    window = window_of("sky", created_by="cli:a-operator")
    only_for(camera)
    assert [one["id"] for one in operator.get(WINDOWS).json()["results"]] == [str(window.pk)]
    assert operator.post(f"{WINDOWS}{window.pk}/end/").json()["running"] is False


def test_an_operator_ends_no_window_of_a_hidden_camera(operator: Any, camera: Camera) -> None:
    window = window_of("sk*", created_by="a-manager")
    only_for(camera)
    assert operator.post(f"{WINDOWS}{window.pk}/end/").status_code == 404
    assert operator.delete(f"{WINDOWS}{window.pk}/").status_code == 404


def test_a_window_for_everything_names_no_camera(viewer: Any, camera: Camera) -> None:
    window = window_of("*")
    only_for(camera)
    assert [one["id"] for one in viewer.get(WINDOWS).json()["results"]] == [str(window.pk)]


def test_operators_do_not_see_the_events_of_rules(operator: Any, manager: Any) -> None:
    manager.post(RULES, NEW)
    assert operator.get("/api/v1/events/").json()["results"] == []
    assert manager.get("/api/v1/events/").json()["results"][0]["kind"] == "rule.added"


def test_a_threshold_has_the_unit_of_the_readings_that_it_concerns(manager: Any, rule: AlertRule) -> None:
    sensor = make_sensor()
    SensorChannel.objects.create(sensor=sensor, key="t", quantity="temperature")
    assert manager.get(f"{RULES}hot/").json()["unit"] == "°C"
    AlertRule.objects.update(kind="reading_rises")
    assert manager.get(f"{RULES}hot/").json()["unit"] == "°C an hour"


def test_a_threshold_of_several_units_has_none(manager: Any, rule: AlertRule) -> None:
    sensor = make_sensor()
    SensorChannel.objects.create(sensor=sensor, key="t", quantity="temperature")
    SensorChannel.objects.create(sensor=sensor, key="t", quantity="humidity")
    body = manager.get(f"{RULES}hot/").json()
    assert (body["unit"], body["subjects"]) == ("", ["balcony:t:humidity", "balcony:t:temperature"])
    AlertRule.objects.update(subject="balcony:t:humidity")
    assert manager.get(f"{RULES}hot/").json()["unit"] == "%"


def test_a_window_that_runs_is_listed_before_those_that_are_over(viewer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.maintenance.services.MAX_ENDED", 1)
    now, hour = timezone.now(), timedelta(hours=1)
    MaintenanceWindow.objects.create(subject="long", begins_at=now - 9 * hour, ends_at=now + hour)
    for number in (1, 2):
        MaintenanceWindow.objects.create(
            subject=f"over-{number}", begins_at=now - 3 * hour, ends_at=now - number * hour
        )
    assert [one["subject"] for one in viewer.get(WINDOWS).json()["results"]] == ["long", "over-2"]
