"""Why the starts of a session were missed, also when the camera process ends meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.camera_processes.sessions import SessionBench

RAIN = ("unsafe", "The gate rain is closed.")


@pytest.fixture
def bench(tmp_path: Path) -> SessionBench:
    """A capture each minute; the first one is saved."""
    bench = SessionBench(tmp_path, cadence_s=60.0)
    bench.apply_desired()
    bench.shoot()
    return bench


def reasons(bench: SessionBench) -> list[tuple[str, str]]:
    """Of the gaps, with their sentences."""
    return [(gap["reason"], gap["message"]) for gap in bench.records("gap")]


def test_an_outage_keeps_its_reason_when_the_process_is_killed(bench: SessionBench) -> None:
    bench.runner.note_outage(*RAIN)
    bench.clock.go_on(600)
    bench.start_process()
    assert bench.next().index == 10
    assert reasons(bench) == [RAIN]


def test_the_end_of_a_process_is_no_reason_for_what_was_missed_already(bench: SessionBench) -> None:
    bench.runner.note_outage(*RAIN)
    bench.start_process()
    bench.runner.note_end("camera_crashed", "The camera's process crashed.")
    bench.clock.go_on(600)
    bench.next()
    assert reasons(bench) == [RAIN]


def test_the_end_of_a_process_is_the_reason_for_what_is_missed_after_it(bench: SessionBench) -> None:
    bench.start_process()
    bench.runner.note_end("camera_crashed", "The camera's process crashed.")
    bench.clock.go_on(600)
    bench.next()
    assert reasons(bench) == [("camera_crashed", "The camera's process crashed.")]


def test_an_outage_that_is_over_does_not_come_back_with_the_next_process(bench: SessionBench) -> None:
    bench.runner.note_outage(*RAIN)
    bench.shoot()
    bench.start_process()
    bench.clock.go_on(600)
    bench.next()
    assert [reason for reason, _ in reasons(bench)] == ["interrupted"]


def test_a_disk_that_cannot_be_written_to_does_not_end_an_outage(bench: SessionBench) -> None:
    with bench.failing("replace"):
        bench.runner.note_outage(*RAIN)
    bench.clock.go_on(600)
    bench.next()
    assert reasons(bench) == [RAIN]
