"""The lists of running nights come into the spools of their cameras, in the newest revision."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import uuid6

from cameras.models import Camera
from captures.models import Session
from scheduler.models import FieldList, Observation
from scheduler.telescope.field_lists import spool
from scheduler.telescope.field_lists.resource import FieldListChange, FieldListRequest
from scheduler.telescope.field_lists.service import FieldListService
from scheduler.telescope.field_lists.spool import deliver_lists
from scheduler.telescope.night.field_lists import list_file_name, read_content
from scheduler.telescope.night.sky import TelescopeSite, julian_date
from tests.harness.rows.archive import Archive
from tests.harness.rows.records import spool_of

pytestmark = pytest.mark.django_db
SERVICE = FieldListService(None, "olga")
EVENING = date(2026, 11, 20)
MIDNIGHT = datetime(2026, 11, 21, 4, 43, tzinfo=UTC)
FIRST, SECOND = "1.00 -25 Y 100 0 1 0", "2.00 -25 Y 100 0 1 0"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path)
    archive.spool.mkdir(parents=True)
    return archive


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    yield
    spool.delivered.clear()


@pytest.fixture
def tonight() -> FieldList:
    return SERVICE.add(FieldListRequest(name="tonight", text=FIRST))


@pytest.fixture
def night(archive: Archive, tonight: FieldList) -> Session:
    return session_of(archive, tonight)


def session_of(archive: Archive, found: FieldList, **options: bool) -> Session:
    site = TelescopeSite()
    telescope = {
        "field_list": str(found.pk), "evening": EVENING.isoformat(), **options,
        "site": (site.latitude, site.longitude, site.elevation),
    }  # fmt: skip
    return archive.session(kind="telescope", telescope=telescope)


def delivered_text(archive: Archive, night: Session) -> str | None:
    content = read_content(spool_of(archive), str(night.pk))
    return content.text if content else None


def test_a_running_night_gets_its_list(archive: Archive, night: Session) -> None:
    deliver_lists()
    assert delivered_text(archive, night) == FIRST


def test_an_edited_list_is_delivered_again(archive: Archive, night: Session, tonight: FieldList) -> None:
    deliver_lists()
    SERVICE.change(tonight, FieldListChange(text=SECOND))
    deliver_lists()
    assert delivered_text(archive, night) == SECOND


def test_a_list_that_is_gone_from_the_spool_is_delivered_again(archive: Archive, night: Session) -> None:
    deliver_lists()
    (archive.spool / list_file_name(str(night.pk))).unlink()
    deliver_lists()
    assert delivered_text(archive, night) == FIRST


def test_a_night_keeps_a_list_that_is_deleted(archive: Archive, night: Session, tonight: FieldList) -> None:
    deliver_lists()
    tonight.delete()
    deliver_lists()
    assert delivered_text(archive, night) == FIRST


@pytest.mark.parametrize("ended", [{"state": "finished"}, {"programme": {"exposure_us": 1000}}])
def test_other_sessions_get_no_list(archive: Archive, night: Session, ended: dict[str, object]) -> None:
    Session.objects.update(**ended)
    deliver_lists()
    assert delivered_text(archive, night) is None


def test_nothing_is_written_to_a_disk_that_is_not_mounted(archive: Archive, night: Session) -> None:
    (archive.folder / ".skycam-root").unlink()
    deliver_lists()
    assert delivered_text(archive, night) is None


def test_a_list_waits_for_the_spool_of_a_new_camera(archive: Archive, night: Session) -> None:
    archive.spool.rmdir()
    deliver_lists()
    archive.spool.mkdir()
    deliver_lists()
    assert delivered_text(archive, night) == FIRST


# A night in more than one session


def ended_session(archive: Archive, found: FieldList) -> Session:
    ended = session_of(archive, found)
    Session.objects.filter(pk=ended.pk).update(state="stopped")
    return ended


def observed(found: FieldList, session: Session | None, at: datetime = MIDNIGHT) -> Observation:
    return Observation.objects.create(
        capture_id=uuid6.uuid7(), field_list=found, session=session, field_key="s 1.0 1", number=1, observed_at=at,
        jd=julian_date(at), lst_h=0.0, exposure_s=100.0, filename="x", selection=5, reason="", interval_h=0.5,
    )  # fmt: skip


def delivered_times(archive: Archive, night: Session) -> list[float]:
    """When the observations began with which the session begins."""
    deliver_lists()
    content = read_content(spool_of(archive), str(night.pk))
    assert content is not None
    return [one["jd"] for one in content.observed]


def test_a_session_begins_with_what_was_observed_in_its_night(archive: Archive, tonight: FieldList) -> None:
    ended = ended_session(archive, tonight)
    later, first = (observed(tonight, ended, MIDNIGHT + timedelta(hours=hours)) for hours in (1, 0))
    observed(tonight, ended, MIDNIGHT - timedelta(days=1))
    assert delivered_times(archive, session_of(archive, tonight)) == [first.jd, later.jd]


def test_what_a_deleted_session_has_observed_counts(archive: Archive, tonight: FieldList) -> None:
    first = observed(tonight, None)
    assert delivered_times(archive, session_of(archive, tonight)) == [first.jd]


def test_what_a_session_observes_itself_is_not_in_its_list(
    archive: Archive, night: Session, tonight: FieldList
) -> None:
    observed(tonight, night)
    assert delivered_times(archive, night) == []


def test_what_another_telescope_observes_at_present_is_not_in_the_list(
    archive: Archive, night: Session, tonight: FieldList
) -> None:
    another = Camera.objects.create(slug="another", name="Another", kind="telescope", address="pco-nuc:6000")
    observed(tonight, Session.objects.create(camera=another, programme=night.programme, state="running"))
    assert delivered_times(archive, night) == []


def test_what_was_observed_of_another_list_does_not_count(archive: Archive, tonight: FieldList) -> None:
    other = SERVICE.add(FieldListRequest(name="other", text=FIRST))
    observed(other, ended_session(archive, other))
    assert delivered_times(archive, session_of(archive, tonight)) == []


def test_a_session_that_starts_over_begins_without_observations(archive: Archive, tonight: FieldList) -> None:
    ended = ended_session(archive, tonight)
    observed(tonight, ended)
    restarted = session_of(archive, tonight, start_over=True)
    Session.objects.filter(pk=restarted.pk).update(created_at=MIDNIGHT + timedelta(minutes=1), state="stopped")
    after, third = observed(tonight, restarted, MIDNIGHT + timedelta(minutes=2)), session_of(archive, tonight)
    assert delivered_times(archive, third) == [after.jd]
    content = read_content(spool_of(archive), str(third.pk))
    assert content is not None
    assert content.restarted_by == str(restarted.pk)


def test_a_session_that_should_start_over_and_was_refused_changes_nothing(archive: Archive, tonight: FieldList) -> None:
    first = observed(tonight, ended_session(archive, tonight))
    refused = session_of(archive, tonight, start_over=True)
    Session.objects.filter(pk=refused.pk).update(created_at=MIDNIGHT + timedelta(minutes=1), state="failed")
    third = session_of(archive, tonight)
    assert delivered_times(archive, third) == [first.jd]
    content = read_content(spool_of(archive), str(third.pk))
    assert content is not None
    assert content.restarted_by == ""


def test_a_list_without_observations_is_that_of_an_older_version(archive: Archive, night: Session) -> None:
    deliver_lists()
    path = archive.spool / list_file_name(str(night.pk))
    content = json.loads(path.read_text())
    del content["observed"]
    path.write_text(json.dumps(content))
    assert delivered_text(archive, night) == FIRST
