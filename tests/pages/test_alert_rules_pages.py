"""The pages of alerts, alert rules and maintenance windows, without JavaScript."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from core.events.models import Alert
from core.events.service import raise_alert, resolve_alert
from core.times.durations import format_duration
from monitoring.alert_rules.rule import BUILT_IN_ALERTS, DEFAULT_RULES
from monitoring.models import AlertRule, MaintenanceWindow, SensorChannel
from tests.harness.clients.pages import text_of
from tests.harness.documents.pages import first_cells, section
from tests.harness.rows.audiences import only_for
from tests.harness.rows.sensors import make_sensor

pytestmark = pytest.mark.django_db
ADD = "/alerts/rules/add/"
NEW = {
    "kind": "reading_above", "name": "hot", "label": "Balcony", "subject": "balcony:t", "threshold": "30",
    "clear": "25", "for_s": "5 min", "clear_for_s": "", "severity": "error",
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_rules(db: None) -> None:
    AlertRule.objects.all().delete()


@pytest.fixture
def rule() -> AlertRule:
    return AlertRule.objects.create(name="hot", kind="reading_above", subject="balcony:t", threshold=30, for_s=300)


@pytest.fixture
def alert(rule: AlertRule) -> Alert:
    return raise_alert(
        "rule:hot:balcony:t", "It is hot.", data={"rule": "hot", "subject": "balcony:t"}, host="dome", camera=None
    )


def test_without_alerts_the_page_says_so(viewer: Any) -> None:
    assert "Nothing needs attention." in text_of(viewer.get("/alerts/"))


def test_an_alert_names_its_rule_and_host(viewer: Any, alert: Alert) -> None:
    page = text_of(viewer.get("/alerts/"))
    assert "It is hot." in page
    assert 'href="/alerts/rules/hot/"' in page
    assert "dome" in page


def test_past_alerts_are_under_resolved(viewer: Any, alert: Alert) -> None:
    resolve_alert(alert.key)
    assert "It is hot." not in text_of(viewer.get("/alerts/"))
    assert "It is hot." in text_of(viewer.get("/alerts/?state=resolved"))
    assert "It is hot." in text_of(viewer.get("/alerts/?state=all&key=rule:hot"))


@pytest.mark.parametrize("query", ["severity=critical", "camera=sky", "key=storage.", "state=acknowledged"])
def test_filters_leave_other_alerts_out(viewer: Any, alert: Alert, query: str) -> None:
    assert "No alerts match these filters." in text_of(viewer.get(f"/alerts/?{query}"))


def test_hostile_filters_are_answered(viewer: Any, alert: Alert) -> None:
    assert viewer.get("/alerts/?key=%00%25_&camera=%00&state=x&severity=y").status_code == 200
    assert viewer.get("/alerts/?before=rubbish").status_code == 404


def test_older_alerts_are_on_the_next_page(viewer: Any) -> None:
    Alert.objects.bulk_create(Alert(key=f"storage.full:{number}", message=f"Disk {number}.") for number in range(51))
    first = text_of(viewer.get("/alerts/"))
    older = first.partition('href="?')[2].partition('"')[0].replace("&amp;", "&")
    assert text_of(viewer.get("/alerts/")).count('id="alert-row-') == 50
    assert "before=" in first
    assert older


def test_an_operator_acknowledges_an_alert(operator: Any, viewer: Any, alert: Alert) -> None:
    assert "Acknowledge<" not in text_of(viewer.get("/alerts/"))
    assert "Acknowledge<" in text_of(operator.get("/alerts/"))
    operator.post(f"/alerts/{alert.pk}/acknowledge/")
    alert.refresh_from_db()
    assert alert.state == Alert.State.ACKNOWLEDGED


def test_the_alerts_and_rules_of_a_hidden_camera_are_not_shown(viewer: Any, camera: Camera) -> None:
    only_for(camera)
    AlertRule.objects.create(name="secret", kind="no_frame", subject="sky", threshold=30)
    raise_alert("rule:secret:sky", "No frame.", camera=camera, data={"rule": "secret"})
    assert "No frame." not in text_of(viewer.get("/alerts/?state=all"))
    assert "secret" not in text_of(viewer.get("/alerts/rules/"))
    assert viewer.get("/alerts/rules/secret/").status_code == 404


def test_the_alerts_take_the_same_queries_for_any_number(viewer: Any, django_assert_max_num_queries: Any) -> None:
    Alert.objects.bulk_create(
        Alert(key=f"rule:hot:{number}", message="Hot.", data={"rule": "hot"}) for number in range(40)
    )
    viewer.get("/alerts/")
    with django_assert_max_num_queries(14):
        viewer.get("/alerts/")


def test_a_rule_is_added(manager: Any) -> None:
    assert manager.post(ADD, NEW, format="multipart").status_code == 302
    rule = AlertRule.objects.get()
    assert (rule.name, rule.threshold, rule.clear, rule.for_s, rule.severity) == ("hot", 30, 25, 300, "error")
    assert "Balcony" in text_of(manager.get("/alerts/rules/"))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "Hot!"}, "Write a name of lower-case letters"),
        ({"name": "add"}, "add is reserved."),
        ({"subject": ""}, "Write what the rule concerns"),
        ({"threshold": "warm"}, "Write a number from"),
        ({"threshold": "inf"}, "Write a number from"),
        ({"clear": "31"}, "must be at most the threshold"),
        ({"for_s": "soon"}, "is not a duration"),
        ({"for_s": "31 d"}, "Write a time of at most 30 d, such as 5 min."),
        ({"kind": "event", "threshold": "1"}, "No event is of the kind"),
    ],
)
def test_an_error_is_shown_at_its_field(manager: Any, change: dict[str, str], sentence: str) -> None:
    answer = manager.post(ADD, {**NEW, **change}, format="multipart")
    assert answer.status_code == 400
    assert sentence in text_of(answer)
    assert not AlertRule.objects.exists()


def test_a_name_that_is_taken_is_refused_at_its_field(manager: Any, rule: AlertRule) -> None:
    assert "There is a rule hot already." in text_of(manager.post(ADD, NEW, format="multipart"))


@pytest.mark.parametrize("kind", ["sensor_missing", "event", "disk_below", "clock_offset"])
def test_each_kind_has_a_form_of_its_own(manager: Any, kind: str) -> None:
    page = text_of(manager.get(f"{ADD}?kind={kind}"))
    assert ('name="threshold"' in page) == (kind != "sensor_missing")
    assert ('name="clear"' in page) == (kind in {"disk_below", "clock_offset"})


def test_an_unknown_kind_is_not_there(manager: Any) -> None:
    assert manager.get(f"{ADD}?kind=moon").status_code == 404


def test_the_button_preview_stores_nothing(manager: Any) -> None:
    page = text_of(manager.post(ADD, {**NEW, "preview": "yes"}, format="multipart"))
    assert "No sensor has readings of balcony:t" in page
    assert not AlertRule.objects.exists()


def test_the_preview_says_what_to_correct(manager: Any) -> None:
    page = text_of(manager.post("/alerts/rules/preview/", {**NEW, "name": "", "threshold": "x"}, format="multipart"))
    assert "Opens above: Write a number" in page
    assert "name" not in page


def test_a_saved_form_without_changes_changes_nothing(manager: Any, rule: AlertRule) -> None:
    form = {"subject": "balcony:t", "threshold": "30", "for_s": format_duration(300), "severity": "warning"}
    assert manager.post("/alerts/rules/hot/", form, format="multipart").status_code == 302
    rule.refresh_from_db()
    assert (rule.threshold, rule.for_s, rule.clear) == (30, 300, None)


def test_a_rule_is_switched_off_and_removed(manager: Any, alert: Alert) -> None:
    manager.post("/alerts/rules/hot/switch/", {"enabled": "no"}, format="multipart")
    assert not AlertRule.objects.get().enabled
    assert "Nothing needs attention." in text_of(manager.get("/alerts/"))
    assert "Remove the rule hot?" in text_of(manager.get("/alerts/rules/hot/remove/"))
    manager.post("/alerts/rules/hot/remove/")
    assert not AlertRule.objects.exists()


def test_a_viewer_sees_a_rule_without_a_form(viewer: Any, rule: AlertRule) -> None:
    page = text_of(viewer.get("/alerts/rules/hot/"))
    assert "balcony:t" in page
    assert "rule-form" not in page


def test_the_defaults_are_listed_and_restored(manager: Any) -> None:
    assert f"Restore {len(DEFAULT_RULES)} rules?" in text_of(manager.get("/alerts/rules/defaults/"))
    manager.post("/alerts/rules/defaults/")
    assert AlertRule.objects.count() == len(DEFAULT_RULES)
    assert "There is nothing to restore." in text_of(manager.get("/alerts/rules/defaults/"))


def test_a_manager_adds_a_window_and_an_operator_ends_it(operator: Any, manager: Any) -> None:
    form = {"subject": "balcony", "from": "", "duration_s": "2 h", "reason": "New cable"}
    assert "New window" not in text_of(operator.get("/alerts/maintenance/"))
    assert manager.post("/alerts/maintenance/", form, format="multipart").status_code == 302
    window = MaintenanceWindow.objects.get()
    assert window.ends_at - window.begins_at == timedelta(hours=2)
    assert "New cable" in text_of(operator.get("/alerts/maintenance/"))
    operator.post(f"/alerts/maintenance/{window.pk}/end/")
    window.refresh_from_db()
    assert window.ends_at <= timezone.now()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"subject": ""}, "Write what is being worked on"),
        ({"duration_s": ""}, "Write either when the window ends or how long it takes."),
        ({"from": "later"}, "is not a date and time"),
        ({"from": "2020-01-01 10:00"}, "would be over already"),
    ],
)
def test_an_error_of_a_window_is_shown(manager: Any, change: dict[str, str], sentence: str) -> None:
    form = {"subject": "balcony", "from": "", "duration_s": "2 h", "reason": "", **change}
    answer = manager.post("/alerts/maintenance/", form, format="multipart")
    assert answer.status_code == 400
    assert sentence in text_of(answer)


def test_the_built_in_alerts_are_those_of_the_documents() -> None:
    keys = first_cells(section("docs/clients/contracts.md", "Alerts"))
    assert {key.partition(".")[0] for key in keys} - {"rule:<rule>:<subject>"} == set(BUILT_IN_ALERTS)


@pytest.mark.parametrize("address", ["/alerts/now/", "/alerts/rules/now/", "/alerts/maintenance/now/"])
def test_a_page_refreshes_its_list(viewer: Any, rule: AlertRule, address: str) -> None:
    assert 'hx-swap-oob="morph"' in text_of(viewer.get(address))


def test_a_rule_shows_the_unit_of_its_threshold(viewer: Any, rule: AlertRule) -> None:
    SensorChannel.objects.create(sensor=make_sensor(), key="t", quantity="temperature")
    assert "above 30 °C for 5 min" in text_of(viewer.get("/alerts/rules/"))
    assert "above 30 °C for 5 min" in text_of(viewer.get("/alerts/rules/hot/"))


def test_an_alert_shows_who_was_notified_and_that_it_is_silenced(operator: Any, viewer: Any, alert: Alert) -> None:
    assert "no one" in text_of(operator.get("/alerts/"))
    operator.post(f"/alerts/{alert.pk}/silence/", {"for": "8h"}, format="multipart")
    page = text_of(operator.get("/alerts/"))
    assert "silenced" in page
    assert "Notify again" in page
    assert "no one" not in page
    assert "silenced" in text_of(viewer.get("/alerts/now/"))
    assert "Notify again" not in text_of(viewer.get("/alerts/"))


def test_an_alert_that_is_over_cannot_be_silenced(operator: Any, alert: Alert) -> None:
    resolve_alert(alert.key)
    assert "Silence 8 h" not in text_of(operator.get("/alerts/?state=all"))
