"""A session whose camera exposes while the pictures before are fetched: its starts, its gaps and its counts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cameras.spool.records import Plan
from tests.harness.camera_processes.sessions import Counts, SessionBench
from tests.harness.runs.examples import examples
from tests.harness.runs.folder import memory

TIMINGS = [{"cadence_s": 20.0}, {"cadence_s": 5.0}, {"delay_s": 12.0}, {"delay_s": 0.0}]
WINDOWS = [
    ["2027-01-15T20:01:00Z", "2027-01-15T20:04:00Z"],
    ["2027-01-15T20:06:00Z", "2027-01-15T20:30:00Z"],
]


def bench_of(folder: Path, **programme: Any) -> SessionBench:
    """Exposures of 8 s."""
    bench = SessionBench(folder, **programme)
    bench.overlaps = True
    bench.apply_desired()
    return bench


def starts(bench: SessionBench) -> list[float]:
    """When the next captures start, in seconds from now."""
    found = bench.due()
    return [] if found is None else [found.in_s]


def test_the_next_start_comes_while_a_picture_is_fetched(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, cadence_s=10.0)
    fetched = bench.expose()
    due = bench.next()
    assert (due.index, due.in_s) == (1, pytest.approx(2.0))
    bench.settle(fetched, took_s=0.0)
    assert bench.next() == due


def test_nothing_starts_during_an_exposure(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, cadence_s=10.0)
    bench.expose()
    bench.plan()
    assert bench.due() is None


def test_a_camera_that_cannot_overlap_waits_for_its_picture(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, cadence_s=10.0)
    bench.overlaps = False
    fetched = bench.expose()
    assert bench.due() is None
    bench.settle(fetched, took_s=0.0)
    assert bench.next().index == 1


def test_a_delay_counts_from_the_end_of_the_exposure(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, delay_s=5.0)
    fetched = bench.expose()
    assert starts(bench) == pytest.approx([5.0])
    bench.settle(fetched, took_s=3.0)
    assert starts(bench) == pytest.approx([2.0])


def test_the_counts_are_those_of_the_pictures_that_were_fetched(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, cadence_s=10.0)
    first, second = bench.expose(), bench.expose()
    assert bench.counts == Counts(planned=0, saved=0)
    bench.settle(first, took_s=0.0)
    bench.settle(second, "failed", took_s=0.0)
    assert bench.counts == Counts(planned=2, saved=1, failed=1)


def test_a_session_ends_with_the_outcome_of_its_last_picture(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, cadence_s=10.0, count=2)
    first, second = bench.expose(), bench.expose()
    assert bench.due() is None
    bench.settle(first, took_s=0.0)
    assert bench.due() is None
    assert bench.status["state"] == "running"
    bench.settle(second, took_s=0.0)
    assert bench.due() is None
    assert bench.last_report["state"] == "finished"


def test_missed_starts_are_a_gap_once_the_pictures_before_have_their_outcome(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, cadence_s=10.0)
    fetched = bench.expose()
    bench.clock.go_on(30.0)
    assert bench.due() is None
    assert bench.records("gap") == []
    bench.settle(fetched, took_s=0.0)
    assert bench.next().index == 4
    assert [(gap["first_index"], gap["count"]) for gap in bench.records("gap")] == [(1, 3)]


def test_after_a_failure_the_next_start_waits_for_the_pictures_before(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, cadence_s=10.0)
    fetched, failed = bench.expose(), bench.plan()
    assert bench.due() is None
    bench.settle(fetched, took_s=0.0)
    bench.settle(failed, "failed", took_s=1.0)
    assert bench.next().index == 2


def test_a_picture_that_arrives_in_an_outage_does_not_end_it(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, delay_s=2.0)
    fetched = bench.expose()
    bench.runner.note_outage("camera_unreachable", "It is gone.")
    bench.settle(fetched, took_s=0.0)
    bench.clock.go_on(30.0)
    bench.next()
    assert [gap["reason"] for gap in bench.records("gap")] == ["camera_unreachable"]


def test_an_outage_that_is_over_does_not_keep_captures_from_overlapping(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, cadence_s=10.0)
    bench.shoot()
    bench.runner.note_outage("camera_unreachable", "It is gone.")
    bench.shoot()
    bench.expose()
    assert bench.next().index == 3


def test_a_planned_run_takes_the_camera_over_once_the_pictures_are_fetched(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, cadence_s=10.0)
    fetched = bench.expose()
    assert bench.runner.stop_for("night") is False
    assert bench.due() is None
    bench.settle(fetched, took_s=0.0)
    assert bench.runner.stop_for("night") is True


def test_the_settings_of_a_cycle_stay_until_its_last_exposure_has_ended(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, kind="burst", burst=2, delay_s=1.0)
    bench.expose()
    assert bench.runner.is_between_cycles is False
    bench.expose()
    assert bench.runner.is_between_cycles is True


def test_a_process_that_is_killed_with_two_plans_leaves_each_one_outcome(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, cadence_s=10.0)
    bench.expose()
    bench.plan()
    bench.start_process()
    assert [(body["index"], body["reason"]) for body in bench.records("capture")] == [
        (0, "interrupted"),
        (1, "interrupted"),
    ]
    assert bench.counts == Counts(planned=2, saved=0, failed=2)


class OverlappingLedger(RuleBasedStateMachine):
    """Whatever happens between exposures and fetches, the counts add up, and each index has one outcome."""

    @initialize(timing=st.sampled_from(TIMINGS), windows=st.sampled_from([{}, {"windows": WINDOWS}]))
    def start(self, timing: dict[str, float], windows: dict[str, Any]) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=memory())
        self.bench = SessionBench(Path(self.folder.name), **timing, **windows)
        self.bench.overlaps, self.revision, self.plans = True, 1, list[Plan]()
        self.bench.apply_desired()

    def teardown(self) -> None:
        self.bench.files.close()
        self.folder.cleanup()

    @precondition(lambda self: len(self.plans) < 3 and self.bench.due() is not None)
    @rule()
    def expose(self) -> None:
        self.plans.append(self.bench.expose())

    @precondition(lambda self: self.plans)
    @rule(outcome=st.sampled_from(["saved", "failed"]), took_s=st.floats(0, 40))
    def fetch(self, outcome: Any, took_s: float) -> None:
        self.bench.settle(self.plans.pop(0), outcome, took_s)

    @rule(for_s=st.floats(0, 300))
    def outage(self, for_s: float) -> None:
        self.bench.runner.note_outage("camera_unreachable", "It is gone.")
        self.bench.clock.go_on(for_s)
        self.bench.due(unreachable=True)

    @rule(for_s=st.floats(0, 300))
    def kill(self, for_s: float) -> None:
        self.bench.clock.go_on(for_s)
        self.plans.clear()
        self.bench.start_process()

    @rule(desired=st.sampled_from(["paused", "running"]), for_s=st.floats(0, 100))
    def apply_desired(self, desired: str, for_s: float) -> None:
        self.revision += 1
        self.bench.apply_desired(desired, self.revision)
        self.bench.clock.go_on(for_s)

    @invariant()
    def the_counts_add_up_and_each_index_has_one_outcome(self) -> None:
        self.bench.due()
        session = self.bench.apply_desired(revision=0)
        covered = [body["index"] for body in self.bench.records("capture")]
        for gap in self.bench.records("gap"):
            covered += range(gap["first_index"], gap["first_index"] + gap["count"])
        assert session["planned"] == session["saved"] + session["failed"] + session["skipped"]
        assert sorted(covered) == list(range(session["planned"]))

    @invariant()
    def what_is_planned_has_the_next_indices(self) -> None:
        planned = self.bench.apply_desired(revision=0)["planned"]
        assert [plan["index"] for plan in self.plans] == list(range(planned, planned + len(self.plans)))


OverlappingLedger.TestCase.settings = examples(60, stateful_step_count=25)
TestOverlappingLedger = OverlappingLedger.TestCase
