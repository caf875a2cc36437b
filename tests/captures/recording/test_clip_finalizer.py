"""The finalizer's thread on a root that is closed and opened again while it works."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uuid6

from cameras.spool.storage import MARKER, RootMissing, Storage, make_root
from captures.recordings.recorder.clip_finalizer import ClipFinalizer
from captures.recordings.recorder.recovery import RecoveredClips
from tests.harness.camera_processes.camera_loop import PATIENCE_S
from tests.harness.waiting import eventually


class Bench:
    """A finalizer, what it reports, and a root that can be opened again."""

    def __init__(self, folder: Path, **times: float) -> None:
        self.folder, self.root = folder, str(uuid6.uuid7())
        make_root(folder, self.root)
        self.recovered: list[RecoveredClips] = []
        self.errors: list[Exception] = []
        self.finalizer = ClipFinalizer(self, self.errors.append, **times)
        self.storage = self.open()

    def open(self) -> Storage:
        return Storage(str(self.folder), self.root, str(uuid6.UUID(int=1)), "clips")

    def report_recovered(self, found: RecoveredClips) -> None:
        self.recovered.append(found)

    def report_finalized(self, record: Any) -> None: ...

    def wait_until_idle(self) -> None:
        assert self.finalizer.drain(PATIENCE_S)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.storage.close()


@pytest.fixture
def hang(bench: Bench) -> threading.Event:
    return hang_of(bench)


def hang_of(bench: Bench) -> threading.Event:
    """The finalizer's thread waits until it is set."""
    hang = threading.Event()
    bench.finalizer.run_after(lambda: assert_set(hang))
    return hang


def assert_set(event: threading.Event) -> None:
    assert event.wait(PATIENCE_S)


def reopen(bench: Bench) -> None:
    bench.storage.close()
    bench.storage = bench.open()


def planned_clip(bench: Bench) -> str:
    clip = str(uuid6.uuid7())
    bench.storage.files.create(bench.storage.spool.folder, f"{clip}.plan", [b"{}"])
    return clip


def retry_twenty_times(folder: Path, **times: float) -> None:
    """The time that another finalizer takes to try a recovery again twenty times, which always fails."""
    folder.mkdir()
    other = Bench(folder, **times)
    clip = planned_clip(other)
    other.storage.close()
    other.finalizer.recover_clips(other.storage, [clip], None)
    eventually(lambda: len(other.recovered) > 20)
    reopen(other)
    other.finalizer.recover_clips(other.storage, [clip], None)
    other.wait_until_idle()
    other.storage.close()


def test_a_recovery_of_a_root_that_was_closed_is_not_tried_again_after_that_of_the_reopened_one(
    tmp_path: Path,
) -> None:
    times = {"retry_s": 0.0, "idle_s": 0.01}
    bench = Bench(tmp_path, **times)
    hang, clip = hang_of(bench), planned_clip(bench)
    bench.finalizer.recover_clips(bench.storage, [clip], None)
    reopen(bench)
    bench.finalizer.recover_clips(bench.storage, [clip], None)
    hang.set()
    bench.wait_until_idle()
    retry_twenty_times(tmp_path / "other", **times)
    assert [list(found.failed) for found in bench.recovered] == [[clip], []]
    bench.storage.close()


def whole_clip(storage: Storage) -> Any:
    """A clip that only has to be committed."""
    file = SimpleNamespace(close=lambda: None)
    return SimpleNamespace(
        id=str(uuid6.uuid7()), storage=storage, file=file, lost_frames=0, is_whole=True, interruption=None
    )


def test_a_clip_of_a_root_that_was_closed_does_not_close_the_reopened_one(bench: Bench, hang: threading.Event) -> None:
    bench.finalizer.finalize(whole_clip(bench.storage), datetime.now(UTC))
    reopen(bench)
    hang.set()
    bench.wait_until_idle()
    assert bench.errors == []


def test_an_open_root_that_is_gone_is_reported(bench: Bench) -> None:
    (bench.folder / MARKER).unlink()
    bench.finalizer.finalize(whole_clip(bench.storage), datetime.now(UTC))
    bench.wait_until_idle()
    assert [type(error) for error in bench.errors] == [RootMissing]
