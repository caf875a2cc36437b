"""When captures start, and how many starts are missed: pure, at one moment."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.programmes.kinds import cycle_of
from cameras.programmes.schedule import UNLIMITED, Durations, SessionSchedule
from cameras.spool.moments import Moment
from cameras.spool.session_files import MOVES, DesiredSession, SessionFile

BEGAN = Moment(1_800_000_000.0, "boot", 100.0)


def schedule(
    after_s: float, captured: int = 0, durations: Durations | None = None, **programme: Any
) -> SessionSchedule:
    desired = DesiredSession(
        id="a", name="", revision=1, desired="running", created_by="", so_far={},
        programme={"exposure_us": 8_000_000, **programme},  # type: ignore[typeddict-item]
    )  # fmt: skip
    session = SessionFile.begin(desired, "camera", "sky", "root", BEGAN)
    session.settled = captured - 1
    now = Moment(BEGAN.wall + after_s, BEGAN.boot, BEGAN.boot_s + after_s)
    return SessionSchedule(session, now, cycle_of(session.programme), durations or Durations())


def test_the_first_capture_starts_at_once_and_the_next_by_the_cadence() -> None:
    assert schedule(0.0, cadence_s=20.0).start_s == 0.0
    assert schedule(9.0, captured=1, cadence_s=20.0).start_s == pytest.approx(11.0)


def test_without_a_cadence_the_next_start_follows_the_end_of_the_previous_capture() -> None:
    ended = schedule(9.0, captured=1, delay_s=5.0)
    ended.session.last_end = Moment(BEGAN.wall + 8.0, BEGAN.boot, BEGAN.boot_s + 8.0)
    assert ended.start_s == pytest.approx(4.0)


@pytest.mark.parametrize(("late_s", "missed"), [(0.2, 0), (12.0, 0), (12.5, 1), (32.0, 1), (33.0, 2)])
def test_a_late_start_is_missed_unless_its_exposure_fits_before_the_next(late_s: float, missed: int) -> None:
    assert schedule(late_s, cadence_s=20.0).missed_starts(after_outage=False) == missed


def test_a_session_with_a_delay_misses_starts_in_an_outage_only() -> None:
    late = schedule(30.0, durations=Durations(readout_s=2.0), delay_s=0.0)
    assert late.missed_starts(after_outage=False) == 0
    assert late.missed_starts(after_outage=True) == 3


def test_no_more_starts_are_missed_than_the_count_leaves() -> None:
    late = schedule(1000.0, captured=3, cadence_s=20.0, count=5)
    assert late.captures_left == 2
    assert late.missed_starts(after_outage=True) == 2
    assert schedule(0.0, delay_s=0.0).captures_left == UNLIMITED


def test_a_session_is_over_after_its_count_or_its_until() -> None:
    until = "2027-01-15T08:01:40+00:00"  # 100 s after it began
    assert schedule(0.0, captured=5, cadence_s=20.0, count=5).is_over
    assert not schedule(0.0, cadence_s=20.0).is_over
    assert [schedule(at, 5, cadence_s=20.0, until=until).is_over for at in (99.0, 101.0)] == [False, True]


def test_the_table_of_states_is_the_only_way_of_a_session() -> None:
    session = schedule(0.0, cadence_s=20.0).session
    session.change_state("running", BEGAN)
    session.change_state("finished", BEGAN)
    with pytest.raises(ValueError, match="is finished and cannot become running"):
        session.change_state("running", BEGAN)
    assert [state for state, moves in MOVES.items() if not moves] == ["finished", "stopped", "failed"]


def test_a_change_of_state_is_stamped_by_the_clock_of_the_camera_process() -> None:
    session = schedule(0.0, cadence_s=20.0).session
    session.change_state("running", BEGAN)
    record = session.outbox[-1]
    assert record["kind"] == "session"
    assert record["body"]["at"] == "2027-01-15T08:00:00.000Z"
