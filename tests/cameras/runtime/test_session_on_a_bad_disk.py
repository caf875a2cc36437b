"""A disk that fails while a session changes its state: the session is what its file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cameras.spool.session_files import load_active_session
from tests.harness.camera_processes.sessions import SessionBench


@pytest.fixture
def bench(tmp_path: Path) -> SessionBench:
    return SessionBench(tmp_path, cadence_s=20.0)


def ends(bench: SessionBench) -> list[dict[str, Any]]:
    return [record for record in bench.records("session") if record["state"] == "stopped"]


def test_a_stop_that_cannot_be_saved_is_refused_and_the_next_one_ends_the_session(bench: SessionBench) -> None:
    bench.apply_desired()
    with bench.failing("replace"), pytest.raises(OSError, match="Input/output error"):
        bench.apply_desired("stopped", revision=2)
    session = bench.runner.describe_session()
    assert session is not None
    assert session["state"] == "running"
    assert bench.apply_desired("stopped", revision=2)["state"] == "stopped"
    assert len(ends(bench)) == 1


def test_a_session_whose_start_cannot_be_saved_does_not_run(bench: SessionBench) -> None:
    with bench.failing("replace"), pytest.raises(OSError, match="Input/output error"):
        bench.apply_desired()
    assert bench.runner.session is None
    assert bench.due() is None
    assert bench.apply_desired()["state"] == "running"


def test_the_end_of_a_session_is_sent_once_the_disk_works_again(bench: SessionBench) -> None:
    bench.apply_desired()
    with bench.failing("commit"), pytest.raises(OSError, match="Input/output error"):
        bench.apply_desired("stopped", revision=2)
    assert load_active_session(bench.spool) is None
    assert ends(bench) == []
    bench.runner.store.send_unsent()
    bench.runner.store.send_unsent()
    assert len(ends(bench)) == 1
    assert len(bench.runner.store.pop_reported()) == 2
