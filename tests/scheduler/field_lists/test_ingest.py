"""Records of observations become rows, in whatever order they come."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import uuid6

from cameras.models import Camera
from cameras.spool.records import ObservationBody, ObservationRecord, Plan
from cameras.spool.recovery import failed_record
from captures.ingest import ingest_captures, ingest_gap
from captures.models import Session
from core.events.models import Alert, Event
from monitoring.alert_rules.event_rules import clear_cache
from monitoring.alert_rules.services import restore_default_rules
from monitoring.models import AlertRule
from scheduler.models import FieldList, Observation
from scheduler.telescope.field_lists.resource import FieldListRequest
from scheduler.telescope.field_lists.service import FieldListService
from scheduler.telescope.field_lists.spool import ingest_observation
from tests.harness.rows.captures import saved

pytestmark = pytest.mark.django_db
LINE = "1.00 -25 Y 100 0 1 0"
KEY = "s 1.000000 -25.000000 1"


@pytest.fixture
def camera() -> Camera:
    return Camera.objects.create(slug="mosaic", name="Mosaic", kind="telescope")


@pytest.fixture
def field_list() -> FieldList:
    return FieldListService(None, "olga").add(FieldListRequest(name="tonight", text=LINE))


@pytest.fixture
def session(camera: Camera) -> Session:
    return Session.objects.create(camera=camera, programme={"kind": "telescope"})


def record(field_list: object, session: object, capture: object, **body: Any) -> ObservationRecord:
    values = ObservationBody(
        capture=str(capture), session=str(session), field_list=str(field_list), field_key=KEY, number=1,
        observed_at="2026-11-21T01:00:00+00:00", jd=2_461_365.54, lst_h=1.2, ha_h=0.2, airmass=1.01, exposure_s=100.0,
        filename="20261121010000s", selection=10, reason="It has the least time to spare.", interval_h=0.0,
    )  # fmt: skip
    return ObservationRecord(
        kind="observation", id=str(uuid6.uuid7()), camera=str(uuid6.uuid7()), slug="mosaic", root="r", files=[],
        body=ObservationBody(**{**values, **body}),  # type: ignore[typeddict-item]
    )  # fmt: skip


def test_an_observation_refers_to_its_capture_its_field_and_its_session(
    camera: Camera, field_list: FieldList, session: Session
) -> None:
    capture = saved(camera, session=session)
    ingest_observation(record(field_list.pk, session.pk, capture.pk))
    found = capture.observation
    assert (found.field.key, found.field_list, found.session) == (KEY, field_list, session)
    assert (found.number, found.selection, found.observed_at.isoformat()) == (1, 10, "2026-11-21T01:00:00+00:00")


def test_an_observation_may_come_before_its_capture(camera: Camera, field_list: FieldList, session: Session) -> None:
    ident = uuid6.uuid7()
    ingest_observation(record(field_list.pk, session.pk, ident))
    capture = saved(camera, id=ident, session=session)
    assert capture.observation.field_key == KEY


def test_a_record_that_comes_again_changes_nothing(field_list: FieldList, session: Session) -> None:
    ident = uuid6.uuid7()
    ingest_observation(record(field_list.pk, session.pk, ident))
    ingest_observation(record(field_list.pk, session.pk, ident, number=7))
    assert [one.number for one in Observation.objects.all()] == [1]


def test_an_observation_of_what_is_deleted_is_kept(session: Session) -> None:
    ingest_observation(record(uuid6.uuid7(), uuid6.uuid7(), uuid6.uuid7()))
    found = Observation.objects.get()
    assert (found.field_list, found.field, found.session, found.field_key) == (None, None, None, KEY)


def test_an_observation_goes_with_the_row_of_its_capture(
    camera: Camera, field_list: FieldList, session: Session
) -> None:
    capture = saved(camera, session=session)
    ingest_observation(record(field_list.pk, session.pk, capture.pk))
    capture.delete()
    assert not Observation.objects.exists()


def test_an_observation_stays_when_its_field_leaves_the_list(field_list: FieldList, session: Session) -> None:
    ingest_observation(record(field_list.pk, session.pk, UUID(int=1)))
    field_list.fields.all().delete()
    assert [(one.field, one.field_list) for one in Observation.objects.all()] == [(None, field_list)]


def gap(session: Session, index: int = 3, count: int = 0) -> None:
    """The session had no captures for some time, before that with this index."""
    times = {"from": "2026-11-21T01:00:00+00:00", "to": "2026-11-21T01:00:05+00:00"}
    body = {
        "session": str(session.pk), "first_index": index, "count": count, "reason": "interrupted", "message": "Why.",
        **times,
    }  # fmt: skip
    ingest_gap(
        {"kind": "gap", "id": str(uuid6.uuid7()), "camera": str(session.camera_id), "slug": "mosaic", "body": body}
    )  # type: ignore[typeddict-item]


def chosen(session: Session, index: int, outcome: str = "saved") -> None:
    """The record of a capture of the session."""
    plan = Plan(
        id=str(uuid6.uuid7()), camera=str(session.camera_id), slug="mosaic", session=str(session.pk), index=index,
        planned="2026-11-21T01:00:10+00:00", boot="b", boot_s=1.0, deadline_s=20.0, path="captures/mosaic/1",
        asked={"exposure_us": 1000}, requested_by="", job="",
    )  # fmt: skip
    reason = "" if outcome == "saved" else "camera_error"
    ingest_captures([failed_record(plan, str(uuid6.uuid7()), reason, "", outcome, now=1_795_000_000.0)])  # type: ignore[arg-type]


def open_alerts() -> list[str]:
    return sorted(Alert.objects.exclude(state="resolved").values_list("key", flat=True))


@pytest.fixture
def rule() -> AlertRule:
    restore_default_rules("ada")
    clear_cache()
    return AlertRule.objects.get(name="session-gap")


def test_a_night_without_a_choice_for_some_time_has_no_number_of_missed_captures(session: Session) -> None:
    gap(session)
    assert Event.objects.filter(kind="session.gap").get().message == "mosaic chose no captures for some time: Why."


@pytest.mark.parametrize("outcome", ["saved", "failed"])
def test_the_alert_of_a_night_without_a_choice_closes_once_it_chooses_again(
    session: Session, rule: AlertRule, outcome: str
) -> None:
    gap(session)
    chosen(session, 2)
    assert open_alerts() == ["rule:session-gap:session.gap:mosaic"]
    chosen(session, 3, outcome)
    assert open_alerts() == []
    closed = Event.objects.get(kind="alert.resolved")
    assert closed.message == "rule:session-gap:session.gap:mosaic is closed: mosaic chooses captures again."


def test_the_alert_of_missed_captures_stays_when_the_next_one_is_saved(camera: Camera, rule: AlertRule) -> None:
    each_minute = Session.objects.create(camera=camera, programme={"kind": "interval", "exposure_us": 1000})
    gap(each_minute, index=3, count=5)
    chosen(each_minute, 8)
    assert open_alerts() == ["rule:session-gap:session.gap:mosaic"]


def test_an_alert_about_several_gaps_stays_when_a_night_chooses_again(session: Session, rule: AlertRule) -> None:
    AlertRule.objects.filter(pk=rule.pk).update(threshold=2, for_s=3600)
    clear_cache()
    for index in (3, 4):
        gap(session, index)
        chosen(session, index)
    assert open_alerts() == ["rule:session-gap:session.gap:mosaic"]
