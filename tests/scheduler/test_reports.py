"""The report of a night: what was planned and saved, and when, what and why something is missing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.models import Camera
from cameras.status.status import write_status
from captures.models import Capture, SessionGap
from core.events.service import record_event
from scheduler.models import CameraNight, PlannedRun, ReportedNight
from scheduler.reports.calendar import month_of
from scheduler.reports.ledger import MOST_ACTIONS
from scheduler.reports.losses import share_in
from scheduler.reports.report import Report, last_night, night_report
from skycam_project.access.models import User
from tests.harness.rows.gates import CLOSED, status_with
from tests.harness.rows.nights import (
    DUSK,
    MORNING,
    at_site,
    captures_in,
    gap_in,
    session_of,
    whole_session,
)
from tests.harness.runs.examples import examples

pytestmark = pytest.mark.django_db
TONIGHT = date(2027, 1, 14)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SVALBARD = {"latitude": 78.2, "longitude": 15.6, "elevation": 0.0, "time_zone": "Arctic/Longyearbyen"}
NEW_YORK = {"latitude": 40.7, "longitude": -74.0, "elevation": 0.0, "time_zone": "America/New_York"}


@pytest.fixture(autouse=True)
def munich(camera: Camera) -> None:
    at_site()


def report(now: datetime = MORNING, night: date = TONIGHT, viewer: Any = None) -> Report:
    return night_report(night, viewer=viewer, now=now)


def add_run(camera: Camera, begin: datetime = DUSK, hours: float = 10) -> PlannedRun:
    end = begin + hours * HOUR
    return PlannedRun.objects.create(
        camera=camera, name="Dark sky", programme={"exposure_us": 1_000_000, "cadence_s": 60.0}, night=TONIGHT,
        windows=[[begin.isoformat(), end.isoformat()]], begins_at=begin, ends_at=end,
    )  # fmt: skip


def test_a_night_of_which_every_capture_is_saved_is_complete(camera: Camera) -> None:
    whole_session(camera)
    found = report()
    assert found.state == "complete"
    assert (found.counts.planned, found.counts.saved, found.counts.failed, found.counts.skipped) == (600, 600, 0, 0)
    assert found.percent == 100
    assert found.sentence == "Complete: 600 of 600 captures of 1 camera saved."


def test_the_sentence_says_when_what_and_why(camera: Camera) -> None:
    session = session_of(camera)
    captures_in(session, DUSK, 300)
    gap_in(session, DUSK + 5 * HOUR, DUSK + 6 * HOUR, 60, "unsafe", "The gate rain is closed: 3.2 above 0.5.")
    captures_in(session, DUSK + 6 * HOUR, 240)
    found = report()
    assert found.state == "incomplete"
    assert found.sum_holds
    assert found.sentence == (
        "Incomplete: 540 of 600 captures of 1 camera saved. Largest loss: Sky, 23:00 to 00:00 CET, 60 captures, "
        "unsafe. The gate rain is closed: 3.2 above 0.5."
    )


def test_captures_that_failed_in_a_row_for_one_reason_are_one_loss(camera: Camera) -> None:
    session = session_of(camera)
    captures_in(session, DUSK, 300)
    captures_in(session, DUSK + 5 * HOUR, 30, "failed", reason="camera_hung", message="It hung.")
    captures_in(session, DUSK + 5.5 * HOUR, 270)
    [(_, loss)] = report().losses
    assert (loss.kind, loss.count, loss.reason) == ("failed", 30, "camera_hung")
    assert (loss.begin, loss.end) == (DUSK + 5 * HOUR, DUSK + 5.5 * HOUR)


def test_a_time_without_a_capture_and_without_a_reason_is_named(camera: Camera) -> None:
    session = session_of(camera)
    captures_in(session, DUSK, 300)
    captures_in(session, DUSK + 5 * HOUR + 15 * MINUTE, 285)
    found = report()
    [(_, loss)] = found.losses
    assert (loss.kind, loss.begin, loss.end) == ("unaccounted", DUSK + 5 * HOUR, DUSK + 5 * HOUR + 15 * MINUTE)
    assert (loss.count, loss.is_estimate) == (15, True)
    assert "no capture and no reason recorded" in found.sentence
    assert found.state == "incomplete"


def test_captures_in_their_cadence_leave_no_time_unaccounted_for(camera: Camera) -> None:
    session = session_of(camera)
    captures_in(session, DUSK, 598)  # the last minute may be missing: a session ends between two starts
    assert report().losses == []


def test_counters_that_contradict_the_rows_are_never_hidden(camera: Camera) -> None:
    session = whole_session(camera)
    Capture.objects.filter(session=session).first().delete()  # type: ignore[union-attr]
    session.skipped = 3
    session.save()
    found = report()
    assert not found.sum_holds
    assert found.state == "incomplete"
    assert found.problems == [
        "Sky: The sum of Dark sky does not hold: 600 planned, but 600 saved + 0 failed + 3 skipped = 603.",
        "Sky: Dark sky counted 600 planned, and the ledger has 599.",
        "Sky: Dark sky counted 600 saved, and the ledger has 599.",
        "Sky: Dark sky counted 3 skipped, and the ledger has 0.",
    ]


def test_a_run_that_never_began_is_missing_with_its_reason(camera: Camera) -> None:
    add_run(camera)
    Camera.objects.update(observed="host_down", observed_reason="No heartbeat")
    found = report()
    [(_, loss)] = found.losses
    assert found.state == "incomplete"
    assert (loss.kind, loss.reason, loss.count, loss.is_estimate) == ("not_begun", "host_down", 600, True)
    assert loss.message == "The run Dark sky has not begun. The camera is host down: No heartbeat."
    assert found.percent == 0


def test_a_night_whose_run_never_began_is_unknown_until_it_is_reported(camera: Camera) -> None:
    run = add_run(camera, DUSK - 120 * HOUR)
    PlannedRun.objects.filter(pk=run.pk).update(night=date(2027, 1, 9))
    nights = month_of(date(2027, 1, 1), User.objects.create_user("mary", role="manager"), MORNING).nights
    assert [night.state for night in nights[7:9]] == ["nothing", "unknown"]


def test_a_run_with_a_number_of_pictures_lacks_no_more_than_those(camera: Camera) -> None:
    run = add_run(camera)
    PlannedRun.objects.update(programme={**run.programme, "count": 10})
    assert report(DUSK - HOUR).to_come == 10
    [(_, loss)] = report().losses
    assert (loss.kind, loss.count) == ("not_begun", 10)


def test_a_session_with_a_number_of_pictures_lacks_the_rest_of_them(camera: Camera) -> None:
    session = session_of(camera, state="failed", reason="camera_crashed", message="It crashed.")
    session.programme["count"] = 310
    session.ended_at = DUSK + 5 * HOUR
    captures_in(session, DUSK, 300)
    [(_, loss)] = report().losses
    assert (loss.kind, loss.count) == ("cut_short", 10)


def test_a_session_that_was_cut_short_lacks_what_was_planned_behind_its_end(camera: Camera) -> None:
    session = session_of(camera, state="stopped", reason="camera_held", message="The run gave way to ben.")
    session.ended_at = DUSK + 5 * HOUR
    captures_in(session, DUSK, 300)
    [(_, loss)] = report().losses
    assert (loss.kind, loss.begin, loss.end, loss.count) == ("cut_short", DUSK + 5 * HOUR, DUSK + 10 * HOUR, 300)
    assert loss.message == "The run gave way to ben."


def test_what_its_own_user_stopped_is_no_loss(camera: Camera) -> None:
    session = session_of(camera, state="stopped", reason="session_stopped", message="ben stopped it.")
    session.ended_at = DUSK + 5 * HOUR
    captures_in(session, DUSK, 300)
    captures_in(session, session.ended_at, 1, "failed", reason="session_stopped", message="ben stopped it.")
    found = report()
    assert (found.state, found.losses) == ("complete", [])
    assert (found.counts.planned, found.counts.saved, found.percent) == (301, 300, 99.6)


def test_a_night_that_runs_says_so_far(camera: Camera) -> None:
    session = session_of(camera, state="running", ended_at=None)
    captures_in(session, DUSK, 240)
    found = report(now=DUSK + 4 * HOUR)
    assert found.state == "running"
    assert found.sentence == "Running: 240 of 240 captures of 1 camera saved so far, about 360 to come."


def test_an_afternoon_without_a_run_says_that_nothing_has_begun() -> None:
    assert report(now=DUSK).sentence == "No run and no capture has begun in this night. Tonight shows what will run."


def test_a_running_session_of_which_nothing_arrives_is_noticed(camera: Camera) -> None:
    session = session_of(camera, state="running", ended_at=None)
    captures_in(session, DUSK, 60)
    Camera.objects.update(observed="host_down")
    [(_, loss)] = report(now=DUSK + 2 * HOUR).losses
    assert (loss.kind, loss.begin, loss.end) == ("unaccounted", DUSK + HOUR, DUSK + 2 * HOUR)
    assert loss.message.endswith("The camera is host down.")


def test_a_session_that_is_paused_now_says_so(camera: Camera) -> None:
    session = session_of(camera, state="paused", ended_at=None, message="ada paused it.")
    captures_in(session, DUSK, 60)
    [(_, loss)] = report(now=DUSK + 2 * HOUR).losses
    assert (loss.reason, loss.message) == ("vetoed", "ada paused it.")


def test_a_session_that_waits_for_a_gate_now_says_so(camera: Camera, valkey: Any) -> None:
    session = session_of(camera, state="running", ended_at=None)
    captures_in(session, DUSK, 60)
    write_status(valkey, status_with({**CLOSED, "since": "2027-01-14T18:02:00.000Z"}, session=session.pk))
    [(_, loss)] = report(now=DUSK + 2 * HOUR).losses
    assert (loss.reason, loss.message) == (
        "unsafe", "Paused by the gate rain since 19:02:00 (0.4; opens below 0.05 for 20 s).",
    )  # fmt: skip


def test_a_closed_gate_explains_no_loss_before(camera: Camera, valkey: Any) -> None:
    session = session_of(camera, state="running", ended_at=None)
    captures_in(session, DUSK + HOUR, 60)
    write_status(valkey, status_with(CLOSED, session=session.pk))
    assert [loss.reason for _, loss in report(now=DUSK + 2 * HOUR).losses] == ["unaccounted"]


def test_many_gaps_with_one_reason_are_one_row(camera: Camera) -> None:
    session = session_of(camera, hours=2)
    programme = {**session.programme, "cadence_s": 30.0}
    session.programme = programme
    for number in range(120):
        at = DUSK + number * MINUTE
        gap_in(session, at + timedelta(seconds=30), at + timedelta(seconds=31), 1, "overrun")
    captures_in(session, DUSK, 120)
    [(_, loss)] = report().losses
    assert (loss.count, len(loss.spans), loss.lost) == (120, 120, timedelta(seconds=120))


def test_nothing_planned_and_nothing_captured_is_nothing() -> None:
    found = report()
    assert (found.state, found.percent, len(found.idle)) == ("nothing", None, 1)


def test_a_night_in_the_future_is_to_come(camera: Camera) -> None:
    assert report(night=date(2027, 1, 20)).state == "future"


def test_a_gap_beyond_the_night_is_divided_by_time(camera: Camera) -> None:
    noon = datetime(2027, 1, 15, 11, 13, 36, tzinfo=UTC)
    session = session_of(camera, DUSK, 40)
    gap_in(session, noon - HOUR, noon + 3 * HOUR, 240, "host_down")
    after = night_report(date(2027, 1, 15), now=MORNING + 5 * 24 * HOUR)
    before = night_report(TONIGHT, now=MORNING + 5 * 24 * HOUR)
    assert (before.counts.skipped, after.counts.skipped) == (60, 180)


@examples(60)
@given(
    count=st.integers(0, 10_000), begin=st.integers(0, 10_000), length=st.integers(0, 9_000), parts=st.integers(1, 9)
)
def test_the_shares_of_consecutive_nights_are_the_whole_gap(count: int, begin: int, length: int, parts: int) -> None:
    edges = [DUSK + timedelta(seconds=20_000 * n / parts) for n in range(parts)] + [DUSK + timedelta(seconds=20_001)]
    gap = (DUSK + timedelta(seconds=begin), DUSK + timedelta(seconds=begin + length))
    assert sum(share_in(count, gap, night) for night in pairwise(edges)) == count


OUTCOMES = st.lists(
    st.tuples(st.sampled_from(["saved", "failed", "skipped", "gap"]), st.integers(1, 30)), min_size=1, max_size=12
)


@examples(25)
@given(outcomes=OUTCOMES)
def test_the_numbers_are_those_of_the_rows(outcomes: list[tuple[str, int]], django_db_blocker: Any) -> None:
    SessionGap.objects.all().delete()
    Capture.objects.all().delete()
    camera = Camera.objects.get()
    session = session_of(camera, hours=sum(number for _, number in outcomes) / 60)
    add_outcomes(session, outcomes)
    found = report()
    total = {
        name: sum(number for kind, number in outcomes if kind == name) for name in ("saved", "failed", "skipped", "gap")
    }
    assert (found.counts.saved, found.counts.failed, found.counts.skipped) == (
        total["saved"],
        total["failed"],
        total["skipped"] + total["gap"],
    )
    assert found.counts.planned == sum(number for _, number in outcomes)
    assert found.sum_holds
    assert sum(loss.count for _, loss in found.losses) == found.counts.planned - found.counts.saved
    assert (found.state == "complete") == (found.counts.saved == found.counts.planned)
    session.captures.all().delete()
    session.gaps.all().delete()
    session.delete()


def add_outcomes(session: Any, outcomes: list[tuple[str, int]]) -> None:
    at = DUSK
    for kind, number in outcomes:
        if kind == "gap":
            gap_in(session, at, at + number * MINUTE, number, "camera_unreachable")
        else:
            captures_in(session, at, number, kind, reason="" if kind == "saved" else "camera_error")
        at += number * MINUTE


@pytest.mark.parametrize(
    ("night", "changed"), [(date(2027, 3, 27), "CET, then CEST"), (date(2027, 10, 30), "CEST, then CET")]
)
def test_a_night_in_which_the_clocks_change_names_both_zones(camera: Camera, night: date, changed: str) -> None:
    begin = datetime(night.year, night.month, night.day, 20, tzinfo=UTC)
    whole_session(camera, begin, 8)
    found = report(now=begin + 20 * HOUR, night=night)
    assert (found.state, found.counts.saved) == ("complete", 480)
    assert found.clock.name == f"{changed}, Europe/Berlin"
    assert found.clock.time(begin).endswith(changed[:4].rstrip(","))


def test_the_night_of_a_camera_is_that_of_its_hosts_site(camera: Camera) -> None:
    other = Camera.objects.create(slug="ny", name="New York", kind="simulated", host="ny")
    at_site(NEW_YORK, "ny")
    whole_session(other, datetime(2027, 1, 15, 1, tzinfo=UTC), 9)  # the evening of the 14th in New York
    whole_session(camera, datetime(2027, 1, 15, 13, tzinfo=UTC), 2)  # of the 15th in Munich
    found = report(now=MORNING + 24 * HOUR)
    assert [(one.camera.slug, one.account.counts.saved) for one in found.cameras] == [("ny", 540)]


def test_a_polar_night_has_a_report(camera: Camera) -> None:
    at_site(SVALBARD)
    whole_session(camera)
    found = report(now=MORNING + 24 * HOUR)
    assert found.state == "complete"
    assert found.cameras[0].sky is not None
    assert found.cameras[0].sky.twilight.sunrise is None


def test_a_site_without_coordinates_has_calendar_days(camera: Camera) -> None:
    at_site({})
    whole_session(camera, DUSK, 5)
    found = report(now=MORNING)
    assert (found.state, found.counts.saved, found.cameras[0].sky) == ("complete", 300, None)


def test_a_hidden_camera_is_in_no_number(camera: Camera) -> None:
    whole_session(camera)
    hidden = Camera.objects.create(slug="secret", name="Secret", kind="simulated", host=camera.host, restricted=True)
    session = session_of(hidden, name="Hidden run")
    captures_in(session, DUSK, 10)
    record_event("command", "ben stopped secret.", camera=hidden, actor="ben", at=DUSK + HOUR)
    record_event("gate.closed", "Too warm.", camera=hidden, data={"gate": "warm"}, at=DUSK + HOUR)
    viewer = User.objects.create_user("vera", role="viewer")
    seen = report(viewer=viewer)
    assert (seen.state, seen.counts.planned, seen.actions, seen.gates, seen.idle) == ("complete", 600, (), (), ())
    assert "secret" not in repr(seen).lower()
    assert report().counts.planned == 610


def test_a_removed_camera_keeps_its_nights(camera: Camera) -> None:
    whole_session(camera)
    Camera.objects.update(removed_at=MORNING)
    assert report().counts.saved == 600


def test_what_people_did_and_which_gates_closed(camera: Camera) -> None:
    whole_session(camera)
    record_event("command", "ada started a session.", camera=camera, actor="ada", at=DUSK)
    record_event("command.done", "Done.", camera=camera, actor="ada", at=DUSK)
    record_event("user.changed", "ada added ben.", actor="ada", at=DUSK, camera=None)
    data = {"gate": "rain", "value": 3.2, "limit": 0.5}
    record_event("gate.closed", "The gate rain is closed.", data=data, at=DUSK + HOUR, camera=None)
    record_event("gate.opened", "The gate rain is open.", data=data, at=DUSK + 2 * HOUR, camera=None)
    found = report()
    assert [(action.actor, action.message) for action in found.actions] == [("ada", "ada started a session.")]
    [gate] = found.gates
    assert (gate.begin, gate.end, gate.value, gate.limit) == (DUSK + HOUR, DUSK + 2 * HOUR, 3.2, 0.5)


def test_actions_at_many_other_cameras_hide_none_of_this_one(camera: Camera) -> None:
    whole_session(camera)
    other = Camera.objects.create(slug="busy", name="Busy", kind="simulated", host=camera.host)
    record_event("command", "ada started a session.", camera=camera, actor="ada", at=DUSK)
    for number in range(MOST_ACTIONS):
        at = DUSK + number * timedelta(minutes=1)
        record_event("command", "ben moved busy.", camera=other, actor="ben", at=at)
    found = night_report(TONIGHT, [camera], now=MORNING)
    assert [action.message for action in found.actions] == ["ada started a session."]


def test_the_nights_before_are_those_of_the_cameras_that_one_sees(camera: Camera) -> None:
    row = ReportedNight.objects.create(night=TONIGHT - timedelta(days=1), fingerprint="a", sentence="")
    hidden = Camera.objects.create(slug="secret", name="Secret", kind="simulated", host=camera.host, restricted=True)
    for one in (camera, hidden):
        CameraNight.objects.create(
            night=row, camera=one, planned=10, saved=8, failed=2, skipped=0, is_complete=False, lost_s=120,
            lost_by_reason={"camera_error": 120},
        )  # fmt: skip
    viewer = User.objects.create_user("vera", role="viewer")
    assert [(past.saved, past.lost_s) for past in report(viewer=viewer).past] == [(8, 120)]
    assert [(past.saved, past.lost_s) for past in report().past] == [(16, 240)]


@pytest.mark.parametrize(("hour", "night"), [(2, date(2027, 1, 13)), (8, date(2027, 1, 14)), (20, date(2027, 1, 14))])
def test_the_last_night_is_over(camera: Camera, hour: int, night: date) -> None:
    assert last_night(now=datetime(2027, 1, 15, hour, tzinfo=UTC)) == night
