"""The agendas of cameras, from their planned runs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from cameras.leases import acquire_lease
from cameras.spool.agenda import AGENDA_S, PlannedRun
from cameras.supervision.desired_state import desired_states
from captures.models import Session
from captures.sessions.models import SessionState
from core import database_clock
from core.times.timestamps import stamp
from scheduler import models
from scheduler.runs.agendas import agendas
from tests.harness.rows.archive import Archive
from tests.harness.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def plan(archive: Archive, begins_in: timedelta = HOUR, **fields: Any) -> models.PlannedRun:
    """A run of an hour."""
    begin = timezone.now() + begins_in
    return models.PlannedRun.objects.create(
        camera=archive.camera, name="night", programme={"exposure_us": 1000, "cadence_s": 10.0},
        windows=[[stamp(begin), stamp(begin + HOUR)]], begins_at=begin, ends_at=begin + HOUR, created_by="planner",
        **fields,
    )  # fmt: skip


def runs_of(archive: Archive) -> list[PlannedRun]:
    return agendas([archive.camera])[archive.camera.pk]["runs"]


def test_a_planned_run_stands_in_the_agenda_of_its_camera(archive: Archive) -> None:
    run = plan(archive)
    agenda = agendas([archive.camera])[archive.camera.pk]
    assert agenda["programmes"] == {"0": {"exposure_us": 1000, "cadence_s": 10.0}}
    assert agenda["runs"] == [{
        "id": str(run.pk), "name": "night", "programme": "0", "windows": [tuple(run.windows[0])],
        "created_by": "planner", "on_held": "wait",
    }]  # fmt: skip


def test_runs_are_in_the_order_of_their_begin(archive: Archive) -> None:
    later, sooner = plan(archive, 5 * HOUR), plan(archive, HOUR)
    assert [run["id"] for run in runs_of(archive)] == [str(sooner.pk), str(later.pk)]


def test_the_agenda_reaches_48_hours_ahead(archive: Archive) -> None:
    ahead = timedelta(seconds=AGENDA_S)
    inside = plan(archive, ahead - HOUR)
    plan(archive, ahead + HOUR)
    assert [run["id"] for run in runs_of(archive)] == [str(inside.pk)]


def test_a_run_whose_camera_was_away_stays_until_it_is_accounted_for(archive: Archive) -> None:
    missed = plan(archive, -24 * HOUR)
    assert [run["id"] for run in runs_of(archive)] == [str(missed.pk)]
    Session.objects.create(id=missed.pk, camera=archive.camera, programme=missed.programme, state=SessionState.FINISHED)
    assert runs_of(archive) == []


def test_a_run_that_is_older_than_three_days_is_forgotten(archive: Archive) -> None:
    plan(archive, timedelta(days=-4))
    assert runs_of(archive) == []


def test_a_run_whose_session_has_begun_stays_in_the_agenda(archive: Archive) -> None:
    run = plan(archive, -HOUR / 2)
    Session.objects.create(id=run.pk, camera=archive.camera, programme=run.programme, state=SessionState.RUNNING)
    assert len(runs_of(archive)) == 1


def test_a_camera_without_runs_has_an_empty_agenda(archive: Archive) -> None:
    assert agendas([archive.camera]) == {archive.camera.pk: {"programmes": {}, "runs": []}}


def test_the_agenda_is_a_part_of_the_desired_state_and_of_the_spec(archive: Archive) -> None:
    run = plan(archive)
    desired = desired_states("main")[str(archive.camera.pk)]
    assert [planned["id"] for planned in desired.spec(None).get("agenda", {})["runs"]] == [str(run.pk)]


def test_a_run_that_takes_the_camera_over_says_so(archive: Archive) -> None:
    plan(archive, on_held="take_over")
    assert runs_of(archive)[0].get("on_held") == "take_over"


def test_the_lease_of_a_user_is_a_part_of_the_spec(archive: Archive) -> None:
    camera = acquire_lease(archive.camera, "anna", for_s=3600)
    desired = desired_states("main")[str(archive.camera.pk)]
    assert camera.held_until is not None
    lease = desired.spec(None).get("lease")
    assert lease is not None
    assert lease["held_by"] == "anna"
    assert lease["until_boot_s"] == pytest.approx(database_clock.boot_s_at(camera.held_until), abs=PATIENCE_S)


def test_a_run_that_ends_before_it_begins_is_refused(archive: Archive) -> None:
    begin = timezone.now()
    with pytest.raises(IntegrityError, match="a_planned_run_ends_after_its_begin"):
        models.PlannedRun.objects.create(
            camera=archive.camera, programme={}, windows=[], begins_at=begin, ends_at=begin - HOUR
        )
