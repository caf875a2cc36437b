"""The desired state of a session: the higher revision wins, and a session that has ended is never started again."""

from __future__ import annotations

from pathlib import Path

import pytest

from cameras.runtime.session_runner import SessionBusy
from tests.harness.camera_processes.sessions import SESSION, Counts, SessionBench, Shot

OTHER = "0193a000-0000-7000-8000-000000000009"


@pytest.fixture
def bench(tmp_path: Path) -> SessionBench:
    return SessionBench(tmp_path, cadence_s=20.0)


def states(bench: SessionBench) -> list[str]:
    return [body["state"] for body in bench.records("session")]


def test_the_same_desired_state_twice_is_one_start(bench: SessionBench) -> None:
    assert bench.apply_desired() == bench.apply_desired()
    assert states(bench) == ["running"]


def test_a_lower_revision_changes_nothing(bench: SessionBench) -> None:
    bench.apply_desired(revision=3)
    assert bench.apply_desired("stopped", revision=2)["state"] == "running"


def test_a_higher_revision_wins(bench: SessionBench) -> None:
    bench.apply_desired()
    assert bench.apply_desired("stopped", revision=2)["state"] == "stopped"
    assert bench.due() is None


def test_a_paused_session_exposes_nothing_and_its_pause_is_a_gap(bench: SessionBench) -> None:
    bench.apply_desired()
    bench.shoot()
    bench.apply_desired("paused", revision=2)
    assert bench.due() is None
    bench.clock.go_on(72)
    bench.apply_desired("running", revision=3)
    assert bench.shoot() == Shot(4, at_s=180.0)
    assert [(gap["count"], gap["reason"]) for gap in bench.records("gap")] == [(3, "vetoed")]
    assert states(bench) == ["running", "paused", "running"]


def test_a_pause_lasts_across_a_restart(bench: SessionBench) -> None:
    bench.apply_desired()
    bench.apply_desired("paused", revision=2)
    bench.start_process()
    assert bench.due() is None
    assert bench.runner.describe_session()["state"] == "paused"


def test_a_stop_that_arrives_before_the_start_is_recorded_and_does_not_use_the_camera(bench: SessionBench) -> None:
    assert bench.apply_desired("stopped", revision=2)["state"] == "stopped"
    assert bench.apply_desired("running", revision=1)["state"] == "stopped"
    assert states(bench) == ["stopped"]
    assert bench.due() is None


@pytest.mark.parametrize("desired", ["running", "paused"])
def test_an_ended_session_is_not_started_again_after_its_file_is_gone(bench: SessionBench, desired: str) -> None:
    bench.apply_desired()
    bench.apply_desired("stopped", revision=2)
    bench.ingest()
    assert bench.apply_desired(desired, revision=1)["state"] == "stopped"
    assert bench.due() is None
    assert bench.spool.names() == ["rejected"]


def test_a_finished_session_is_not_started_again_when_its_root_comes_back(bench: SessionBench) -> None:
    bench.programme["count"] = 1
    bench.apply_desired()
    bench.shoot()
    bench.due()
    bench.ingest()
    bench.runner.detach_spool()
    bench.runner.attach_spool(bench.spool)
    assert bench.apply_desired()["state"] == "finished"
    assert bench.due() is None


def test_another_session_is_refused_while_one_runs(bench: SessionBench) -> None:
    bench.apply_desired()
    with pytest.raises(SessionBusy, match="Stop it first"):
        bench.apply_desired(session=OTHER)


def test_another_session_may_start_after_a_stop(bench: SessionBench) -> None:
    bench.apply_desired()
    bench.apply_desired("stopped", revision=2)
    assert bench.apply_desired(session=OTHER)["state"] == "running"


def test_a_stop_during_an_exposure_adds_no_gap_for_it(tmp_path: Path) -> None:
    bench = SessionBench(tmp_path, length_s=19.0, cadence_s=20.0)
    bench.apply_desired()
    plan = bench.plan()
    bench.clock.go_on(18)
    bench.apply_desired("stopped", revision=2)
    bench.settle(plan, "failed", took_s=0.0)
    assert bench.records("gap") == []


@pytest.mark.parametrize("timing", [{"cadence_s": 20.0}, {"delay_s": 12.0}])
def test_a_lost_file_is_replaced_by_the_counts_of_the_database(tmp_path: Path, timing: dict[str, float]) -> None:
    bench = SessionBench(tmp_path, **timing)
    bench.apply_desired(so_far={"planned": 30, "saved": 27, "failed": 2, "skipped": 1, "reported": 4})
    assert bench.shoot() == Shot(30, at_s=100.0)
    assert bench.shoot() == Shot(31, at_s=120.0)
    assert bench.counts == Counts(planned=32, saved=29, failed=2, skipped=1)
    assert bench.records("session")[0]["number"] == 5


def test_a_session_file_of_an_older_version_is_resumed(bench: SessionBench) -> None:
    bench.apply_desired()
    bench.shoot()
    name = f"session-{SESSION}.json"
    content = bench.spool.read(name)
    content["told"] = content.pop("reported")
    bench.spool.replace(name, content)
    bench.start_process()
    bench.apply_desired("stopped", revision=2)
    assert [body["number"] for body in bench.records("session")] == [1, 2]


def test_an_unreadable_file_is_set_aside_and_the_session_continues(bench: SessionBench) -> None:
    bench.apply_desired()
    bench.shoot()
    bench.spool.files.overwrite(bench.spool.folder, f"session-{SESSION}.json", b"\xff\xff")
    bench.start_process()
    bench.apply_desired(so_far={"planned": 1, "saved": 1})
    assert bench.shoot().index == 1
    assert bench.files.names(f"{bench.spool.folder}/rejected") == [f"session-{SESSION}.json"]
