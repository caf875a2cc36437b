"""The kinds of programmes: the exposures of a cycle, and when its captures start."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.programmes.kinds import cycle_of, describe_exposures
from cameras.spool.moments import iso
from tests.harness.camera_processes.sessions import SessionBench
from tests.harness.clocks.camera_clock import EVENING
from tests.harness.runs.examples import examples
from tests.harness.runs.folder import memory

BRACKET = {"kind": "bracket", "ev_steps": [-2.0, 0.0, 2.0]}
BURST = {"kind": "burst", "burst": 4}
UNREACHABLE = ("camera_unreachable", "The cable was pulled.")


def bench_of(folder: Path, length_s: float = 8.0, **programme: Any) -> SessionBench:
    bench = SessionBench(folder, length_s, **programme)
    bench.apply_desired()
    return bench


def exposures(programme: dict[str, Any]) -> list[int]:
    return [shot["exposure_us"] for shot in cycle_of(programme).shots]  # type: ignore[arg-type]


def test_an_interval_has_one_exposure_with_the_settings_of_the_programme() -> None:
    programme: Any = {"exposure_us": 8_000_000, "iso": 1600, "f_number": 1.4, "cadence_s": 20.0, "count": 3}
    assert cycle_of(programme).shots == ({"exposure_us": 8_000_000, "iso": 1600, "f_number": 1.4},)


def test_a_bracket_of_ev_steps_moves_with_its_exposure() -> None:
    assert exposures({**BRACKET, "exposure_us": 1000}) == [250, 1000, 4000]
    assert exposures({**BRACKET, "exposure_us": 8000}) == [2000, 8000, 32000]


def test_a_bracket_of_times_has_these_times() -> None:
    assert exposures({"kind": "bracket", "exposures_us": [10, 1000, 100_000]}) == [10, 1000, 100_000]


def test_a_bracket_never_leaves_the_range_of_exposures() -> None:
    assert exposures({"kind": "bracket", "ev_steps": [-10.0, 20.0], "exposure_us": 10_000_000}) == [9766, 3_600_000_000]
    assert exposures({"kind": "bracket", "ev_steps": [-10.0], "exposure_us": 3}) == [1]


def test_a_burst_has_equal_exposures() -> None:
    assert exposures({**BURST, "exposure_us": 500}) == [500] * 4


def test_a_session_of_an_older_version_is_an_interval() -> None:
    assert exposures({"exposure_us": 500, "delay_s": 1.0}) == [500]


@pytest.mark.parametrize(
    ("programme", "words"),
    [
        ({"exposure_us": 8_000_000}, "8 s"),
        ({"kind": "bracket", "exposures_us": [1000, 20_000]}, "1 ms, 20 ms"),
        ({**BURST, "exposure_us": 10_000}, "4 x 10 ms"),
    ],
)
def test_the_exposures_are_described_in_words(programme: Any, words: str) -> None:
    assert describe_exposures(programme) == words


def test_the_captures_of_a_cycle_follow_each_other_directly(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, 1.0, **BURST, cadence_s=60.0)
    shots = [bench.shoot() for _ in range(6)]
    assert [shot.at_s - 100 for shot in shots] == [0, 1, 2, 3, 60, 61]
    assert [shot.index for shot in shots] == list(range(6))


def test_the_delay_follows_the_last_capture_of_a_cycle(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, 1.0, **BURST, delay_s=10.0)
    assert [bench.shoot().at_s - 100 for _ in range(6)] == [0, 1, 2, 3, 14, 15]


def test_each_capture_requests_its_own_exposure(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, 1.0, **BRACKET, cadence_s=60.0)
    for _ in range(4):
        bench.shoot()
    asked = [record["asked"]["exposure_us"] for record in bench.records("capture")]
    assert asked == [250_000, 1_000_000, 4_000_000, 250_000]


def test_a_cycle_that_takes_longer_than_its_cadence_is_completed(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, 20.0, **BURST, cadence_s=60.0)
    shots = [bench.shoot() for _ in range(5)]
    assert [(shot.index, shot.at_s - 100) for shot in shots] == [(0, 0), (1, 20), (2, 40), (3, 60), (8, 120)]
    assert [(gap["count"], gap["reason"]) for gap in bench.records("gap")] == [(4, "overrun")]


@pytest.mark.parametrize(("away_s", "missed"), [(30, 0), (60, 3), (130, 7)])
def test_an_outage_in_a_cycle_skips_whole_cycles(tmp_path: Path, away_s: float, missed: int) -> None:
    bench = bench_of(tmp_path, 1.0, **BURST, cadence_s=60.0)
    bench.shoot()
    bench.runner.note_outage(*UNREACHABLE)
    bench.clock.go_on(away_s)
    assert bench.next().index == 1 + missed
    assert bench.next().requested == {"exposure_us": 1_000_000}


def test_a_failed_capture_does_not_end_its_cycle(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, 1.0, **BURST, delay_s=10.0)
    bench.shoot("failed")
    assert bench.next().in_s == 0
    assert bench.next().index == 1


def test_each_window_begins_with_a_whole_cycle(tmp_path: Path) -> None:
    windows = [(iso(EVENING + begin), iso(EVENING + begin + 30)) for begin in (0, 600)]
    bench = bench_of(tmp_path, 12.0, **BRACKET, cadence_s=300.0, windows=windows)
    assert bench.shoot_all() == 6
    asked = [record["asked"]["exposure_us"] for record in bench.records("capture")]
    assert asked == [3_000_000, 12_000_000, 48_000_000] * 2


@examples(25)
@given(
    burst=st.integers(1, 5),
    timing=st.sampled_from([{"cadence_s": 30.0}, {"cadence_s": 3.0}, {"delay_s": 7.0}, {"delay_s": 0.0}]),
    aways=st.lists(st.tuples(st.integers(1, 6), st.floats(0, 300)), max_size=4),
)
def test_after_any_outage_a_cycle_is_whole_or_continued(
    burst: int, timing: Any, aways: list[tuple[int, float]]
) -> None:
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        bench = bench_of(Path(folder), 1.0, kind="burst", burst=burst, count=60, **timing)
        for captures, away_s in aways:
            bench.shoot_at_most(captures)
            bench.runner.note_outage(*UNREACHABLE)
            bench.clock.go_on(away_s)
        bench.shoot_all()
        last, gaps = bench.last_report, bench.records("gap")
    assert last["planned"] == last["saved"] + last["skipped"] == 60
    ends = [gap["first_index"] + gap["count"] for gap in gaps]
    assert [end for end in ends if end % burst and end < 60] == []


def test_while_the_first_capture_of_a_cycle_is_open_the_cycle_has_begun(tmp_path: Path) -> None:
    """Else automatic exposure would change the settings within the cycle."""
    bench = bench_of(tmp_path, cadence_s=60.0, **BURST)
    assert bench.runner.is_between_cycles
    plan = bench.plan()
    assert not bench.runner.is_between_cycles
    bench.settle(plan)
    assert not bench.runner.is_between_cycles
