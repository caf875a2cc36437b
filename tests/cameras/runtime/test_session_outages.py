"""Starts that pass while a session cannot expose become one gap, with the reason of the outage."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.camera_processes.sessions import SESSION, Counts, SessionBench, Shot

UNREACHABLE = ("camera_unreachable", "The cable was pulled.")


@pytest.fixture
def bench(tmp_path: Path) -> SessionBench:
    made = SessionBench(tmp_path, cadence_s=20.0)
    made.apply_desired()
    return made


def test_an_outage_is_one_gap_with_its_times_its_count_and_its_reason(bench: SessionBench) -> None:
    bench.shoot()
    bench.runner.note_outage(*UNREACHABLE)
    bench.clock.go_on(92)
    assert bench.due(unreachable=True) is not None
    assert bench.records("gap") == []
    assert bench.next().index == 5
    assert bench.records("gap") == [{
        "session": SESSION, "from": "2027-01-15T20:00:08.000Z", "to": "2027-01-15T20:01:40.000Z", "first_index": 1,
        "count": 4, "reason": "camera_unreachable", "message": "The cable was pulled.",
    }]  # fmt: skip
    assert bench.counts == Counts(planned=5, saved=1, skipped=4)


def test_an_outage_between_two_starts_misses_nothing(bench: SessionBench) -> None:
    bench.shoot()
    bench.runner.note_outage(*UNREACHABLE)
    bench.clock.go_on(11)
    assert bench.shoot().index == 1
    assert bench.records("gap") == []


def test_a_failure_whose_record_is_written_late_keeps_the_reason_of_the_outage(bench: SessionBench) -> None:
    plan = bench.plan()
    bench.runner.note_outage(*UNREACHABLE)
    bench.settle(plan, "failed")
    bench.clock.go_on(100)
    bench.due()
    assert [gap["reason"] for gap in bench.records("gap")] == ["camera_unreachable"]


@pytest.mark.parametrize(("took_s", "following", "skipped"), [(45.0, (2, 145.0), 1), (55.0, (3, 160.0), 2)])
def test_an_exposure_longer_than_the_cadence_skips_starts_that_no_longer_fit(
    bench: SessionBench, took_s: float, following: tuple[int, float], skipped: int
) -> None:
    bench.shoot(took_s=took_s)
    assert bench.shoot() == following
    assert [(gap["first_index"], gap["count"], gap["reason"]) for gap in bench.records("gap")] == [
        (1, skipped, "overrun")
    ]


def test_a_session_continues_on_time_after_a_restart_of_the_process(bench: SessionBench) -> None:
    bench.shoot()
    bench.start_process()
    assert bench.shoot() == Shot(1, at_s=120.0)
    assert bench.records("gap") == []


def test_starts_that_passed_without_a_process_are_a_gap(bench: SessionBench) -> None:
    bench.shoot()
    bench.clock.go_on(72)
    bench.start_process()
    assert bench.shoot() == Shot(4, at_s=180.0)
    assert [(gap["count"], gap["reason"]) for gap in bench.records("gap")] == [(3, "interrupted")]


def test_a_process_killed_in_an_exposure_leaves_one_failure_and_no_gap_for_it(bench: SessionBench) -> None:
    bench.plan()
    bench.clock.go_on(3)
    bench.start_process()
    assert bench.shoot() == Shot(1, at_s=120.0)
    assert bench.counts == Counts(planned=2, saved=1, failed=1)


def test_after_a_reboot_the_wall_clock_shows_how_much_was_missed(bench: SessionBench) -> None:
    bench.shoot()
    bench.clock.reboot(off_s=112.0)
    bench.start_process()
    assert bench.next().index == 6
    assert [(gap["count"], gap["reason"]) for gap in bench.records("gap")] == [(5, "interrupted")]


@pytest.mark.parametrize("timing", [{"cadence_s": 20.0}, {"delay_s": 12.0}])
def test_a_session_continues_after_a_reboot_with_a_clock_that_is_a_day_behind(
    tmp_path: Path, timing: dict[str, float]
) -> None:
    bench = SessionBench(tmp_path, **timing)
    bench.apply_desired()
    bench.shoot()
    bench.clock.reboot(off_s=52.0)
    bench.clock.set_wall(-86_400)
    bench.start_process()
    assert bench.next().in_s == pytest.approx(12.0)
    bench.clock.set_wall(86_400)
    assert [bench.shoot().index, bench.shoot().index] == [1, 2]
    assert bench.records("gap") == []


def test_a_delay_session_counts_the_captures_that_an_outage_prevented(tmp_path: Path) -> None:
    bench = SessionBench(tmp_path, delay_s=12.0)
    bench.apply_desired()
    bench.shoot()
    bench.runner.note_outage(*UNREACHABLE)
    bench.clock.go_on(12 + 3 * 20)
    assert bench.next().index == 4
    assert [(gap["first_index"], gap["count"]) for gap in bench.records("gap")] == [(1, 3)]


@pytest.mark.parametrize(("readout_s", "took_s"), [(3.0, 8.0), (0.0, 11.0)])
def test_a_delay_session_counts_with_the_readout_and_the_real_duration_of_a_capture(
    tmp_path: Path, readout_s: float, took_s: float
) -> None:
    bench = SessionBench(tmp_path, delay_s=12.0)
    bench.readout_s = readout_s
    bench.apply_desired()
    bench.shoot(took_s=took_s)
    bench.runner.note_outage(*UNREACHABLE)
    bench.clock.go_on(12 + 10 * 23)
    bench.due()
    assert [gap["count"] for gap in bench.records("gap")] == [10]


def test_a_delay_session_stopped_before_its_camera_was_used_has_no_gap_of_millions(tmp_path: Path) -> None:
    bench = SessionBench(tmp_path, length_s=0.001, delay_s=0.0)
    bench.apply_desired()
    bench.shoot()
    bench.clock.go_on(3600)
    bench.start_process()
    assert bench.apply_desired("stopped", revision=2)["skipped"] < 3600
