"""Records of observations become rows, in whatever order they come."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import uuid6

from cameras.models import Camera
from cameras.spool.records import ObservationBody, ObservationRecord
from captures.ingest.sessions import ingest_gap
from captures.models import Session
from monitoring.models import Event
from scheduler.field_lists.ingest import ingest_observation
from scheduler.field_lists.requests import FieldListRequest
from scheduler.field_lists.service import FieldListService
from scheduler.models import FieldList, Observation
from tests.harness.rows.captures import saved

pytestmark = pytest.mark.django_db
LINE = "1.00 -25 Y 100 0 1 0"
KEY = "s 1.000000 -25.000000 1"


@pytest.fixture
def camera() -> Camera:
    return Camera.objects.create(slug="mosaic", name="Mosaic", kind="telescope")


@pytest.fixture
def field_list() -> FieldList:
    return FieldListService("olga").add(FieldListRequest(name="tonight", text=LINE))


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


def test_a_night_without_a_choice_for_some_time_has_no_number_of_missed_captures(session: Session) -> None:
    times = {"from": "2026-11-21T01:00:00+00:00", "to": "2026-11-21T01:00:05+00:00"}
    body = {
        "session": str(session.pk),
        "first_index": 3,
        "count": 0,
        "reason": "interrupted",
        "message": "Why.",
        **times,
    }
    ingest_gap(
        {"kind": "gap", "id": str(uuid6.uuid7()), "camera": str(session.camera_id), "slug": "mosaic", "body": body}
    )  # type: ignore[typeddict-item]
    assert Event.objects.get().message == "mosaic chose no captures for some time: Why."
