"""When the stills of a session start: by the clock with `cadence_s`, by counting with `delay_s`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.harness.camera_processes.sessions import SessionBench, Shot
from tests.harness.clocks.camera_clock import EVENING


def utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def test_a_cadence_does_not_drift_however_late_each_start_is(tmp_path: Path) -> None:
    bench = SessionBench(tmp_path, cadence_s=20.0)
    bench.apply_desired()
    starts = [bench.shoot(took_s=took) for took in (8.1, 9.7, 8.0, 12.3, 8.0)]
    assert starts == [(n, pytest.approx(100.0 + 20 * n)) for n in range(5)]


def test_a_delay_runs_from_the_end_of_saving_to_the_next_start(tmp_path: Path) -> None:
    bench = SessionBench(tmp_path, delay_s=12.0)
    bench.apply_desired()
    assert [bench.shoot(took_s=took) for took in (8.0, 9.0, 8.0)] == [
        Shot(0, at_s=100.0),
        Shot(1, at_s=120.0),
        Shot(2, at_s=141.0),
    ]


def test_the_first_capture_starts_at_once(tmp_path: Path) -> None:
    bench = SessionBench(tmp_path, delay_s=12.0)
    bench.apply_desired()
    assert bench.next().in_s == 0.0


def test_a_session_ends_after_its_count(tmp_path: Path) -> None:
    bench = SessionBench(tmp_path, cadence_s=20.0, count=3)
    bench.apply_desired()
    outcomes = [bench.shoot(outcome) for outcome in ("saved", "failed", "saved")]
    assert len(outcomes) == 3
    assert bench.due() is None
    assert bench.records("session")[-1] | {"at": ""} == {
        "session": bench.records("session")[0]["session"], "number": 2, "state": "finished", "reason": "",
        "message": "", "at": "", "revision": 1, "planned": 3, "saved": 2, "failed": 1, "skipped": 0,
    }  # fmt: skip


def test_captures_prevented_by_an_outage_count_towards_the_count(tmp_path: Path) -> None:
    bench = SessionBench(tmp_path, cadence_s=20.0, count=5)
    bench.apply_desired()
    bench.shoot()
    bench.clock.go_on(1000)
    assert bench.due() is None
    assert [(gap["first_index"], gap["count"]) for gap in bench.records("gap")] == [(1, 4)]
    assert bench.records("session")[-1]["state"] == "finished"


def test_the_last_start_is_at_until(tmp_path: Path) -> None:
    bench = SessionBench(tmp_path, cadence_s=20.0, until=utc(EVENING + 40))
    bench.apply_desired()
    assert [bench.shoot().index for _ in range(3)] == [0, 1, 2]
    assert bench.due() is None
    assert bench.records("session")[-1]["state"] == "finished"


@pytest.mark.parametrize("timing", [{"cadence_s": 20.0}, {"delay_s": 12.0}])
def test_an_outage_beyond_until_counts_the_starts_before_it_and_no_more(
    tmp_path: Path, timing: dict[str, float]
) -> None:
    bench = SessionBench(tmp_path, until=utc(EVENING + 100), **timing)
    bench.apply_desired()
    bench.shoot()
    bench.runner.note_outage("camera_unreachable", "It was gone.")
    bench.clock.go_on(142)
    assert bench.due() is None
    assert [gap["count"] for gap in bench.records("gap")] == [5]
    assert bench.records("session")[-1]["planned"] == 6


@pytest.mark.parametrize("timing", [{"cadence_s": 20.0}, {"delay_s": 12.0}])
@pytest.mark.parametrize("by_s", [3600.0, -3600.0])
def test_setting_the_wall_clock_by_an_hour_moves_no_start(
    tmp_path: Path, timing: dict[str, float], by_s: float
) -> None:
    bench = SessionBench(tmp_path, **timing)
    bench.apply_desired()
    first = bench.shoot()
    bench.clock.set_wall(by_s)
    assert [first, bench.shoot(), bench.shoot()] == [Shot(0, at_s=100.0), Shot(1, at_s=120.0), Shot(2, at_s=140.0)]
    assert bench.records("gap") == []


@pytest.mark.parametrize("by_s", [3600.0, -3600.0])
def test_setting_the_wall_clock_after_a_reboot_moves_no_start_either(tmp_path: Path, by_s: float) -> None:
    bench = SessionBench(tmp_path, cadence_s=20.0)
    bench.apply_desired()
    bench.shoot()
    bench.clock.reboot(off_s=52.0)
    bench.start_process()
    assert bench.next().in_s == pytest.approx(0.0)
    bench.clock.set_wall(by_s)
    assert [bench.shoot().index, bench.shoot().index] == [3, 4]
    assert [gap["count"] for gap in bench.records("gap")] == [2]


def test_a_session_of_short_exposures_without_delay_has_no_gaps(tmp_path: Path) -> None:
    bench = SessionBench(tmp_path, length_s=0.001, delay_s=0.0, count=3)
    bench.apply_desired()
    bench.shoot()
    bench.clock.go_on(0.02)
    assert bench.shoot().index == 1
    assert bench.records("gap") == []
