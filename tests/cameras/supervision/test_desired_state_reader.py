"""What the database thread reads for the other threads."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.models import Camera, CameraHost
from cameras.supervision.camera_status import CaptureTotals, LastCaptures
from cameras.supervision.desired_state import desired_states
from cameras.supervision.desired_state_sync import DesiredStateReader
from cameras.supervision.lease import HostLease
from captures.capturing.outcomes import fail_unsent_capture
from core.events.service import raise_alert, resolve_alert
from tests.harness.rows.archive import Archive
from tests.harness.rows.nights import session_of
from tests.harness.rows.records import capture_record

pytestmark = pytest.mark.django_db


@pytest.fixture
def woken() -> list[str]:
    return []


@pytest.fixture
def last_captures() -> LastCaptures:
    return LastCaptures()


@pytest.fixture
def totals() -> CaptureTotals:
    return CaptureTotals()


@pytest.fixture
def reader(
    archive: Archive, woken: list[str], last_captures: LastCaptures, totals: CaptureTotals
) -> DesiredStateReader:
    wake_reader, wake_supervisor = lambda: woken.append("reader"), lambda: woken.append("supervisor")
    return DesiredStateReader("main", HostLease("main"), last_captures, totals, wake_reader, wake_supervisor)


def test_the_cameras_of_the_host_are_read_and_the_supervisor_is_woken(
    archive: Archive, reader: DesiredStateReader, woken: list[str]
) -> None:
    reader.read(5.0)
    snapshot = reader.snapshot
    assert list(snapshot.cameras) == [str(archive.camera.id)]
    assert snapshot.is_complete is True
    assert snapshot.read_at == 5.0
    assert woken == ["supervisor"]


def test_a_host_without_its_name_has_no_cameras(reader: DesiredStateReader) -> None:
    reader.read(0.0)
    until = timezone.now() + timedelta(hours=1)
    CameraHost.objects.update(installation="another", epoch=F("epoch") + 1, leased_until=until)
    reader.read(60.0)
    assert reader.snapshot.cameras == {}
    assert reader.snapshot.is_complete is False
    assert reader.snapshot.is_refused is True


def test_it_is_read_each_second_and_at_once_when_asked(reader: DesiredStateReader, woken: list[str]) -> None:
    read_at = []
    for now in (10.0, 10.5, 11.0):
        reader.read_if_due(now)
        read_at.append(reader.snapshot.read_at)
    reader.read_soon()
    reader.read_if_due(11.1)
    assert [*read_at, reader.snapshot.read_at] == [10.0, 10.0, 11.0, 11.1]
    assert woken[-2:] == ["reader", "supervisor"]


def test_open_alerts_are_those_that_are_not_resolved(reader: DesiredStateReader) -> None:
    raise_alert("one", "The first.", severity="error", camera=None)
    raise_alert("two", "The second.", severity="error", camera=None)
    resolve_alert("one")
    reader.read(0.0)
    assert [alert["key"] for alert in reader.snapshot.open_alerts] == ["two"]


def test_an_older_capture_does_not_replace_the_last_one(archive: Archive) -> None:
    last_captures, camera = LastCaptures(), str(archive.camera.id)
    older, newer = capture_record(archive), capture_record(archive)
    newer["body"]["ended"] = "2999-01-01T00:00:00Z"
    for record in (newer, older):
        last_captures.note(camera, record)
    found = last_captures.find(camera)
    assert (found and found["id"]) == newer["id"]
    assert last_captures.find("another") is None


def test_the_last_capture_of_a_camera_that_was_away_is_read_again(
    archive: Archive, reader: DesiredStateReader, last_captures: LastCaptures
) -> None:
    fail_unsent_capture(archive.planned().id, "not_started", "The first.")
    reader.read(0.0)
    Camera.objects.update(host="another")
    reader.read(1.0)
    newest = archive.planned()
    fail_unsent_capture(newest.id, "not_started", "While it was away.")
    Camera.objects.update(host="main")
    reader.read(2.0)
    found = last_captures.find(str(archive.camera.id))
    assert (found and found["id"]) == str(newest.id)


def test_the_totals_are_read_more_seldom_but_at_once_for_a_new_camera(
    archive: Archive, reader: DesiredStateReader, totals: CaptureTotals
) -> None:
    failed_at = {}
    reader.read_if_due(0.0)
    fail_unsent_capture(archive.planned().id, "not_started", "A test.")
    for now in (1.0, 2.0):
        reader.read_if_due(now)
        found = totals.find(str(archive.camera.id))
        failed_at[now] = found and found["failed"]
    new = Camera.objects.create(slug="new", name="New", kind="simulated", host="main")
    reader.read_if_due(3.0)
    assert failed_at == {1.0: 0, 2.0: 1}
    assert totals.find(str(new.id)) == {"saved": 0, "failed": 0, "skipped": 0}


def test_more_cameras_need_no_more_queries(archive: Archive, django_assert_num_queries: Any) -> None:
    archive.session()
    desired_states("main")
    with CaptureQueriesContext(connection) as of_one:
        desired_states("main")
    for number in range(5):
        camera = Camera.objects.create(slug=f"new-{number}", name="New", kind="simulated", host="main")
        session_of(camera, state="running", ended_at=None)
    with django_assert_num_queries(len(of_one)):
        found = desired_states("main")
    assert [desired.session is not None for desired in found.values()] == [True] * 6
