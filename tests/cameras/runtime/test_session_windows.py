"""A session captures only inside of the windows of its programme."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.spool.moments import iso
from tests.harness.camera_processes.sessions import SessionBench
from tests.harness.clocks.camera_clock import EVENING
from tests.harness.runs.examples import examples
from tests.harness.runs.folder import memory

HOUR = 3600.0
UNREACHABLE = ("camera_unreachable", "The cable was pulled.")


def window(begin_s: float, end_s: float) -> tuple[str, str]:
    """Seconds from the evening of the bench's clock."""
    return iso(EVENING + begin_s), iso(EVENING + end_s)


def bench_of(folder: Path, *windows: tuple[float, float], **programme: Any) -> SessionBench:
    timing = programme if "delay_s" in programme else {"cadence_s": 60.0, **programme}
    bench = SessionBench(folder, windows=[window(*one) for one in windows], **timing)
    bench.apply_desired()
    return bench


def gaps(bench: SessionBench) -> list[tuple[int, int, str]]:
    """First index, count and reason."""
    return [(gap["first_index"], gap["count"], gap["reason"]) for gap in bench.records("gap")]


@pytest.fixture
def evening(tmp_path: Path) -> SessionBench:
    """Two windows of ten minutes, an hour and two hours from now; one capture each minute."""
    return bench_of(tmp_path, (HOUR, HOUR + 600), (2 * HOUR, 2 * HOUR + 600))


def test_a_session_waits_for_its_first_window(evening: SessionBench) -> None:
    assert evening.status["state"] == "waiting"
    assert evening.status["next_in_s"] == HOUR
    assert evening.next().in_s == HOUR
    assert gaps(evening) == []


def test_the_first_capture_starts_with_the_window_to_the_millisecond(evening: SessionBench) -> None:
    evening.wait_for_start()
    assert evening.shoot().at_s == 100.0 + HOUR
    assert evening.status["state"] == "running"


def test_a_kill_in_the_first_capture_of_a_session_moves_no_start(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, (0, 600))
    bench.plan()
    bench.clock.go_on(20)
    bench.start_process()
    due = bench.next()
    assert (due.index, due.in_s) == (1, 40.0)


def test_a_window_whose_begin_cannot_be_saved_is_opened_once_the_disk_works_again(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, (0, 600))
    with bench.failing("replace"), pytest.raises(OSError, match="Input/output error"):
        bench.due()
    bench.plan()
    bench.clock.go_on(20)
    bench.start_process()
    due = bench.next()
    assert (due.index, due.in_s) == (1, 40.0)


def test_between_two_windows_the_session_waits_and_counts_on(evening: SessionBench) -> None:
    exposed = evening.shoot_all()
    states = [record["state"] for record in evening.records("session")]
    assert states == ["waiting", "running", "waiting", "running", "finished"]
    assert exposed == 20
    assert gaps(evening) == []


def test_the_last_capture_starts_before_the_end_of_the_window(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, (0, 120), cadence_s=60.0)
    assert bench.shoot_all() == 2


def test_no_capture_starts_in_the_last_millisecond_of_a_window(tmp_path: Path) -> None:
    # Its fourth start would be 0.6 ms before the end: the end is a time in whole milliseconds, the cadence is not.
    bench = bench_of(tmp_path, (0, 120), cadence_s=39.9998)
    assert bench.shoot_all() == 3
    assert gaps(bench) == []


def test_a_session_that_begins_inside_of_a_window_runs_at_once(tmp_path: Path) -> None:
    assert bench_of(tmp_path, (0, 600)).status["state"] == "running"


def test_the_starts_of_a_window_that_had_begun_are_a_gap(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, (-300, 300))
    assert bench.next().index == 5
    assert gaps(bench) == [(0, 5, "overrun")]
    assert bench.records("gap")[0]["from"] == iso(EVENING - 300)


@pytest.mark.parametrize("timing", [{"cadence_s": 60.0}, {"delay_s": 52.0}])
def test_a_window_without_a_process_is_one_gap(tmp_path: Path, timing: dict[str, float]) -> None:
    bench = bench_of(tmp_path, (HOUR, HOUR + 600), (2 * HOUR, 2 * HOUR + 600), **timing)
    bench.clock.go_on(1.5 * HOUR)
    bench.start_process()
    assert bench.next().index == 10
    assert gaps(bench) == [(0, 10, "interrupted")]
    assert bench.records("gap")[0]["to"] == iso(EVENING + HOUR + 600)


def test_an_outage_that_is_over_before_the_window_costs_no_start(evening: SessionBench) -> None:
    evening.runner.note_outage(*UNREACHABLE)
    evening.clock.go_on(600)
    evening.due(unreachable=True)
    evening.wait_for_start()
    evening.start_process()
    evening.shoot(took_s=150)
    evening.due()
    assert gaps(evening) == [(1, 1, "overrun")]


def test_an_outage_over_two_windows_is_a_gap_in_each(evening: SessionBench) -> None:
    evening.runner.note_outage(*UNREACHABLE)
    evening.clock.go_on(2 * HOUR + 120)
    evening.due()
    assert gaps(evening) == [(0, 10, "camera_unreachable"), (10, 2, "camera_unreachable")]


def test_a_night_without_a_process_ends_with_every_start_skipped(evening: SessionBench) -> None:
    evening.clock.go_on(5 * HOUR)
    evening.start_process()
    assert evening.due() is None
    last = evening.last_report
    assert (last["state"], last["planned"], last["skipped"]) == ("finished", 20, 20)


def test_a_kill_after_a_missed_window_counts_it_once(evening: SessionBench) -> None:
    evening.clock.go_on(1.5 * HOUR)
    evening.due()
    evening.start_process()
    evening.due()
    assert gaps(evening) == [(0, 10, "overrun")]


def test_a_forward_jump_of_an_unsynchronised_clock_does_not_end_the_window(evening: SessionBench) -> None:
    evening.clock.kernel_says = "unsynchronised"
    evening.wait_for_start()
    evening.shoot()
    evening.clock.set_wall(8 * HOUR)
    assert evening.next().index == 1
    assert evening.status["state"] == "running"


def test_a_clock_that_is_corrected_by_synchronisation_ends_the_window(evening: SessionBench) -> None:
    evening.clock.kernel_says = "synchronised"
    evening.wait_for_start()
    evening.shoot()
    evening.clock.set_wall(0.5 * HOUR)
    evening.next()
    assert evening.status["state"] == "waiting"


def test_a_jump_inside_of_a_window_moves_no_start(evening: SessionBench) -> None:
    evening.wait_for_start()
    first = evening.shoot().at_s
    evening.clock.set_wall(-HOUR)
    assert evening.shoot().at_s == first + 60


def test_a_window_begins_by_the_wall_clock(evening: SessionBench) -> None:
    evening.clock.set_wall(0.5 * HOUR)
    assert evening.next().in_s == 0.5 * HOUR


def test_after_a_reboot_the_window_continues_where_the_clock_is(evening: SessionBench) -> None:
    evening.wait_for_start()
    evening.shoot()
    evening.clock.reboot(off_s=300)
    evening.start_process()
    assert evening.next().index == 5
    assert gaps(evening) == [(1, 4, "interrupted")]


def test_a_paused_session_is_resumed_into_the_wait_for_its_window(evening: SessionBench) -> None:
    evening.apply_desired("paused", revision=2)
    evening.clock.go_on(1.5 * HOUR)
    assert evening.due() is None
    assert evening.apply_desired("running", revision=3)["state"] == "waiting"
    assert gaps(evening) == [(0, 10, "vetoed")]


def test_a_paused_session_ends_with_its_last_window(evening: SessionBench) -> None:
    evening.apply_desired("paused", revision=2)
    evening.clock.go_on(3 * HOUR)
    assert evening.due() is None
    assert evening.last_report["state"] == "finished"
    assert gaps(evening) == [(0, 10, "vetoed"), (10, 10, "vetoed")]


def test_a_forward_jump_of_an_unsynchronised_clock_does_not_end_a_paused_session(evening: SessionBench) -> None:
    evening.wait_for_start()
    evening.apply_desired("paused", revision=2)
    evening.clock.kernel_says = "unsynchronised"
    evening.clock.set_wall(24 * HOUR)
    evening.due()
    assert evening.status["state"] == "paused"


def test_a_desired_state_that_is_sent_again_does_not_end_the_wait(evening: SessionBench) -> None:
    evening.apply_desired("running", revision=2)
    assert [record["state"] for record in evening.records("session")] == ["waiting"]


def test_a_waiting_session_is_stopped(evening: SessionBench) -> None:
    evening.apply_desired("stopped", revision=2)
    assert evening.last_report["state"] == "stopped"
    assert gaps(evening) == []


def test_the_count_holds_over_all_windows(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, (0, 300), (HOUR, HOUR + 600), count=7)
    assert bench.shoot_all() == 7
    assert bench.last_report["state"] == "finished"


def test_a_lost_session_file_continues_with_the_counts_of_the_database(evening: SessionBench) -> None:
    evening.wait_for_start()
    evening.shoot()
    evening.ingest()
    evening.forget_session()
    evening.clock.go_on(0.5 * HOUR)
    evening.start_process()
    evening.apply_desired(so_far={"planned": 10, "saved": 1, "skipped": 9, "reported": 2})
    evening.clock.go_on(evening.next().in_s)
    assert evening.next().index == 10
    assert gaps(evening) == []


def test_the_start_after_a_capture_is_in_its_record(evening: SessionBench) -> None:
    evening.wait_for_start()
    evening.shoot()
    assert evening.records("capture")[-1]["following"] == {"at": iso(EVENING + HOUR + 60)}


quarter_minutes = st.integers(0, 120)


@examples(25)
@given(
    lengths=st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), min_size=1, max_size=3),
    outages=st.lists(st.tuples(quarter_minutes, st.sampled_from(["kill", "power", "unreachable"])), max_size=3),
    cadence_s=st.sampled_from([29.0, 60.0, 611.0]),
)
@pytest.mark.slow
def test_all_starts_of_all_windows_are_accounted_for(
    lengths: list[tuple[int, int]], outages: list[tuple[int, str]], cadence_s: float
) -> None:
    begins, at = [], 0
    for pause, length in lengths:
        begins.append((60.0 * (at + pause), 60.0 * (at + pause + length)))
        at += pause + length
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        bench = bench_of(Path(folder), *begins, cadence_s=cadence_s)
        for after, kind in outages:
            capture_for(bench, 15.0 * after)
            OUTAGES[kind](bench)
        bench.shoot_all()
        last = bench.last_report
    expected = sum(-((begin - end) // cadence_s) for begin, end in begins)
    assert last["state"] == "finished"
    assert last["planned"] == last["saved"] + last["failed"] + last["skipped"] == expected


def capture_for(bench: SessionBench, seconds: float) -> None:
    until = bench.clock.wall + seconds
    while bench.clock.wall < until and bench.wait_for_start():
        bench.shoot()


def kill(bench: SessionBench) -> None:
    bench.clock.go_on(333)
    bench.start_process()


def cut_power(bench: SessionBench) -> None:
    bench.clock.reboot(off_s=1234, boot=f"boot {bench.clock.wall}")
    bench.start_process()


def lose_camera(bench: SessionBench) -> None:
    bench.runner.note_outage(*UNREACHABLE)
    bench.clock.go_on(500)
    bench.due(unreachable=True)


OUTAGES = {"kill": kill, "power": cut_power, "unreachable": lose_camera}
