"""When a camera without a stream took no stills for an experiment, and why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.command_events import record_desired_change
from cameras.models import Camera
from captures.experiments import stills_coverage
from captures.experiments.selectors import camera_account
from captures.models import Capture, Experiment, ExperimentSession, Session, SessionGap
from captures.recordings.claims.services import present_moment
from core.events.service import record_event

MINUTE = timedelta(minutes=1)


@pytest.fixture
def dslr(camera: Camera) -> Camera:
    Camera.objects.filter(pk=camera.pk).update(capabilities={"stream": False})
    camera.refresh_from_db()
    return camera


@pytest.fixture
def stills(dslr: Camera, experiment: Callable[..., Experiment]) -> Experiment:
    """An hour of stills, completed two hours ago."""
    ended = timezone.now() - timedelta(hours=2)
    made = experiment(state="completed", settled=True, started_at=ended - timedelta(hours=1), ended_at=ended)
    made.places.update(means="stills")
    return made


def at(run: Experiment, minutes: float) -> datetime:
    assert run.started_at
    return run.started_at + minutes * MINUTE


def session(run: Experiment, begin: float | None, end: float | None, **fields: Any) -> Session:
    """One that ran from and to minutes after the start of the run, for the experiment."""
    own = fields.pop("own", True)
    values = {"state": "stopped" if end is not None else "running", "desired": "stopped", **fields}
    made = Session.objects.create(
        camera=run.places.get().camera, programme={"exposure_us": 1000, "cadence_s": 60},
        started_at=None if begin is None else at(run, begin), ended_at=None if end is None else at(run, end), **values,
    )  # fmt: skip
    ExperimentSession.objects.create(experiment=run, session=made, own=own)
    return made


def change(run: Experiment, kind: str, minutes: float, **data: Any) -> None:
    record_event(kind, "", camera=run.places.get().camera, subject=run.pk, at=at(run, minutes), data=data)


def stop(run: Experiment, minutes: float, by: str) -> None:
    change(run, "experiment.interrupted", minutes, reason="suspended", why=f"{by} stopped its session.", by=by)


def gaps(run: Experiment) -> list[tuple[int, int, str, str]]:
    """Minutes after the start, the reason and the name."""
    start = run.started_at
    assert start is not None
    return [
        (
            round((datetime.fromisoformat(gap["from"]) - start) / MINUTE),
            round((datetime.fromisoformat(gap["to"]) - start) / MINUTE),
            gap["reason"],
            gap["by"],
        )
        for gap in account(run)["gaps"]
    ]


def account(run: Experiment) -> Any:
    return camera_account(run, run.places.select_related("camera").get())


def test_a_session_that_ran_all_the_time_has_no_gap(stills: Experiment) -> None:
    session(stills, 0, 60)
    assert gaps(stills) == []


def test_time_without_a_session_is_a_gap(stills: Experiment) -> None:
    assert gaps(stills) == [(0, 60, "no_captures", "")]
    assert account(stills)["gaps"][0]["message"] == "No session took stills in this time."


def test_between_two_sessions_is_a_gap_with_the_end_of_the_first(stills: Experiment) -> None:
    session(stills, 0, 20, state="failed", message="No card.", planned=20)
    session(stills, 40, 60)
    assert gaps(stills) == [(20, 40, "session_failed", "")]
    assert account(stills)["gaps"][0]["message"] == "Its session failed. No card."


def test_less_than_two_intervals_are_no_gap(stills: Experiment) -> None:
    session(stills, 0, 20)
    session(stills, 21.5, 60)
    assert gaps(stills) == []


def test_a_session_of_somebody_covers_the_run_too(stills: Experiment) -> None:
    session(stills, -30, 30, own=False, state="finished")
    session(stills, 30, 60)
    assert gaps(stills) == []


def test_an_operator_who_stopped_the_session_is_named(stills: Experiment) -> None:
    session(stills, 0, 30)
    stop(stills, 30, "bob")
    assert gaps(stills) == [(30, 60, "suspended", "bob")]
    assert account(stills)["gaps"][0]["message"] == "bob stopped its session."


def test_an_operator_is_named_by_the_command_when_no_process_saw_the_stop(stills: Experiment) -> None:
    stopped = session(stills, 0, 30)
    record_desired_change(stopped.camera, "stop", "stopped the session.", "cli:bob", {}, subject=stopped.pk)
    assert gaps(stills) == [(30, 60, "suspended", "bob")]


def test_a_pause_is_one_gap_with_a_name_though_the_session_states_it_too(stills: Experiment) -> None:
    paused = session(stills, 0, 60)
    change(stills, "experiment.stills", 0)
    change(stills, "experiment.interrupted", 10, reason="suspended", why="bob paused the session.", by="bob")
    change(stills, "experiment.stills", 20)
    missed(paused, at(stills, 9.5), at(stills, 20.5), "vetoed")
    assert gaps(stills) == [(10, 20, "suspended", "bob")]


def test_a_camera_that_somebody_held_is_a_gap_with_the_name(stills: Experiment) -> None:
    change(stills, "experiment.interrupted", 0, reason="camera_held", why="bob held sky.", by="bob")
    change(stills, "experiment.stills", 15)
    session(stills, 15, 60)
    assert gaps(stills) == [(0, 15, "camera_held", "bob")]


def test_what_the_session_missed_is_a_gap_within_the_run(stills: Experiment) -> None:
    ran = session(stills, -60, 90, own=False)
    missed(ran, at(stills, -50), at(stills, -40), "camera_unreachable")
    missed(ran, at(stills, -5), at(stills, 5), "camera_unreachable")
    missed(ran, at(stills, 55), at(stills, 70), "disk_full")
    assert gaps(stills) == [(0, 5, "camera_unreachable", ""), (55, 60, "disk_full", "")]


def test_the_earlier_gaps_of_the_sessions_are_counted(stills: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = session(stills, 0, 60)
    missed(ran, at(stills, 10), at(stills, 15), "overrun")
    missed(ran, at(stills, 30), at(stills, 35), "overrun")
    monkeypatch.setattr(stills_coverage, "MAX_LEDGER_GAPS", 1)
    assert gaps(stills) == [(30, 30, "unlisted", ""), (30, 35, "overrun", "")]


def missed(session: Session, begin: datetime, end: datetime, reason: str) -> None:
    SessionGap.objects.create(
        id=uuid4(), session=session, from_at=begin, to_at=end, first_index=0, count=3, reason=reason, message="Away."
    )


@pytest.fixture
def running(dslr: Camera, experiment: Callable[..., Experiment]) -> Experiment:
    """One that began an hour ago."""
    made = experiment(state="running", started_at=timezone.now() - timedelta(hours=1))
    made.places.update(means="stills")
    return made


def test_a_camera_that_is_away_is_a_gap_until_now(running: Experiment) -> None:
    ran = session(running, 0, None, desired="running")
    Capture.objects.create(camera=ran.camera, session=ran, index=0, status="saved", started_at=at(running, 40))
    assert gaps(running) == [(40, 60, "no_captures", "")]
    record_event("camera.state", "sky is reconnecting.", severity="warning", camera=ran.camera, at=at(running, 40))
    assert gaps(running) == [(40, 60, "camera.state", "")]


def test_a_session_that_has_just_captured_has_no_gap(running: Experiment) -> None:
    ran = session(running, 0, None, desired="running")
    Capture.objects.create(camera=ran.camera, session=ran, index=0, status="saved", started_at=at(running, 59))
    assert gaps(running) == []


def test_a_session_that_waits_for_its_window_is_no_gap(running: Experiment) -> None:
    session(running, 0, None, state="waiting", desired="running", own=False)
    assert gaps(running) == []


def test_a_session_that_has_not_begun_is_a_gap(running: Experiment) -> None:
    session(running, None, None, state="planned", desired="running")
    assert gaps(running) == [(0, 60, "no_captures", "")]


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(days=1)])
def test_a_stop_stays_in_its_place_when_the_clock_was_set_before_it(jump: timedelta, running: Experiment) -> None:
    now, present = timezone.now(), present_moment()
    Experiment.objects.update(
        started_at=now - jump - timedelta(hours=1), started_boot=present.boot, started_boot_s=present.boot_s - 3600
    )
    running.refresh_from_db()
    ran = session(running, 0, None)
    Session.objects.filter(pk=ran.pk).update(state="stopped", ended_at=now - 30 * MINUTE)
    booted = {"boot": present.boot}
    change(running, "experiment.stills", 0, **booted, boot_s=present.boot_s - 3600)
    change(
        running, "experiment.interrupted", 30, **booted, boot_s=present.boot_s - 1800, reason="suspended",
        why="bob stopped its session.", by="bob",
    )  # fmt: skip
    assert gaps(running) == [(30, 60, "suspended", "bob")]


def test_what_somebodys_session_missed_before_the_run_is_no_gap_of_it_when_the_clock_was_set(
    running: Experiment,
) -> None:
    now, present = timezone.now(), present_moment()
    Experiment.objects.update(
        started_at=now - timedelta(days=1), started_boot=present.boot, started_boot_s=present.boot_s - 3600
    )
    running.refresh_from_db()
    change(running, "experiment.linked", 0, boot=present.boot, boot_s=present.boot_s - 3600)
    ran = session(running, -60, None, own=False, desired="running")
    missed(ran, at(running, -50), at(running, -40), "camera_unreachable")
    assert gaps(running) == []


def test_a_session_of_an_earlier_clock_never_ends_before_it_began(stills: Experiment) -> None:
    session(stills, 30, 10)
    assert [gap[:2] for gap in gaps(stills)] == [(0, 30), (30, 60)]


def test_an_experiment_that_takes_nothing_by_itself_has_no_gaps_of_stills(stills: Experiment) -> None:
    stills.record = False
    assert gaps(stills) == []


def test_a_hundred_sessions_cost_as_many_queries_as_one(stills: Experiment) -> None:
    session(stills, 0, 0.1)
    account(stills)
    with CaptureQueriesContext(connection) as few:
        account(stills)
    for number in range(1, 100):
        session(stills, number / 2, number / 2 + 0.1)
    with CaptureQueriesContext(connection) as many:
        account(stills)
    assert len(many) <= len(few)
