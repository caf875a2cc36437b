"""For any sequence of events in a session its counts add up, and each index has one outcome."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.harness.camera_processes.sessions import SessionBench
from tests.harness.runs.examples import examples
from tests.harness.runs.folder import memory

TIMINGS = [{"cadence_s": 20.0}, {"cadence_s": 5.0}, {"delay_s": 12.0}, {"delay_s": 0.0}]
COUNT = 60
outcomes = st.sampled_from(["saved", "failed"])
seconds = st.floats(0, 300)


class SessionLedger(RuleBasedStateMachine):
    @initialize(timing=st.sampled_from(TIMINGS), counted=st.booleans())
    def start(self, timing: dict[str, float], counted: bool) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=memory())
        self.bench = SessionBench(Path(self.folder.name), **timing, **({"count": COUNT} if counted else {}))
        self.count = COUNT if counted else 1 << 60
        self.revision = 1
        self.bench.apply_desired()

    def teardown(self) -> None:
        self.bench.files.close()
        self.folder.cleanup()

    @property
    def state(self) -> str:
        return str(self.bench.apply_desired(revision=0)["state"])

    @precondition(lambda self: self.bench.due() is not None)
    @rule(outcome=outcomes, took_s=st.floats(0.001, 40))
    def capture(self, outcome: str, took_s: float) -> None:
        self.bench.shoot(outcome, took_s)

    @precondition(lambda self: self.bench.due() is not None)
    @rule()
    def kill_during_an_exposure(self) -> None:
        self.bench.plan()
        self.bench.start_process()

    @rule(for_s=seconds)
    def outage(self, for_s: float) -> None:
        self.bench.runner.note_outage("camera_unreachable", "It is gone.")
        self.bench.clock.go_on(for_s)
        self.bench.due(unreachable=True)

    @rule(for_s=seconds)
    def restart(self, for_s: float) -> None:
        self.bench.clock.go_on(for_s)
        self.bench.start_process()

    @rule(by_s=st.sampled_from([3600.0, -3600.0]))
    def set_the_wall_clock(self, by_s: float) -> None:
        self.bench.clock.set_wall(by_s)

    @rule(off_s=seconds)
    def restart_the_machine(self, off_s: float) -> None:
        self.bench.clock.reboot(off_s, f"boot {self.revision} {off_s}")
        self.bench.start_process()

    @rule(desired=st.sampled_from(["paused", "running"]), for_s=seconds)
    def apply_desired(self, desired: str, for_s: float) -> None:
        self.revision += 1
        self.bench.apply_desired(desired, self.revision)
        self.bench.clock.go_on(for_s)

    @precondition(lambda self: self.revision > 4)
    @rule()
    def stop(self) -> None:
        self.revision += 1
        self.bench.apply_desired("stopped", self.revision)

    @invariant()
    def the_counts_add_up(self) -> None:
        session = self.bench.apply_desired(revision=0)
        assert session["planned"] == session["saved"] + session["failed"] + session["skipped"]
        assert session["planned"] <= self.count

    @invariant()
    def each_index_has_one_outcome(self) -> None:
        covered = [body["index"] for body in self.bench.records("capture")]
        for gap in self.bench.records("gap"):
            covered += range(gap["first_index"], gap["first_index"] + gap["count"])
        assert sorted(covered) == list(range(self.bench.apply_desired(revision=0)["planned"]))

    @invariant()
    def a_full_count_is_an_end(self) -> None:
        session = self.bench.apply_desired(revision=0)
        self.bench.due()
        assert session["planned"] < self.count or self.state in {"finished", "stopped", "paused"}


SessionLedger.TestCase.settings = examples(60, stateful_step_count=25)
TestSessionLedger = SessionLedger.TestCase
