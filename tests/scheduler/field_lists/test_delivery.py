"""The lists of running nights come into the spools of their cameras, in the newest revision."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from captures.models import Session
from scheduler.field_lists import delivery
from scheduler.field_lists.delivery import deliver_lists
from scheduler.field_lists.requests import FieldListChange, FieldListRequest
from scheduler.field_lists.service import FieldListService
from scheduler.models import FieldList
from scheduler.telescope.field_list_file import list_file_name, read_content
from tests.harness.rows.archive import Archive
from tests.harness.rows.records import spool_of

pytestmark = pytest.mark.django_db
SERVICE = FieldListService("olga")
FIRST, SECOND = "1.00 -25 Y 100 0 1 0", "2.00 -25 Y 100 0 1 0"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path)
    archive.spool.mkdir(parents=True)
    return archive


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    yield
    delivery.delivered.clear()


@pytest.fixture
def tonight() -> FieldList:
    return SERVICE.add(FieldListRequest(name="tonight", text=FIRST))


@pytest.fixture
def night(archive: Archive, tonight: FieldList) -> Session:
    telescope = {"field_list": str(tonight.pk), "evening": "2026-11-20"}
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
