"""The root of the clips: opened when it is there, and tried again after a delay."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
import uuid6

from cameras.spool.recovery import DecidedOutcome
from cameras.spool.storage import MARKER, RootMissing, Storage, make_root
from captures.recordings.recorder.clip_root import ClipRoot
from captures.recordings.recorder.failures import RetryTimer
from tests.harness.clocks.clock import SteppingClock

CAMERA = str(uuid6.uuid7())
KILLED = DecidedOutcome("camera_hung", "It did not answer.")


class Bench:
    def __init__(self, folder: Path) -> None:
        make_root(folder, root := str(uuid6.uuid7()))
        self.folder, self.clock, self.calls = folder, SteppingClock(), list[Any]()
        self.root = ClipRoot(
            str(folder),
            lambda: Storage(str(folder), root, CAMERA, "clips"),
            RetryTimer(self.clock.monotonic),
            self,
            lambda: self.calls.append("opened"),
            KILLED,
            close_s=4.0,
        )

    def recover_clips(self, storage: Storage, clips: list[str], decided: DecidedOutcome | None) -> None:
        self.calls.append((clips, decided))

    def drain(self, timeout: float) -> bool:
        self.calls.append(timeout)
        return True


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_clips_of_the_previous_process_are_recovered_with_its_outcome_and_later_ones_without(bench: Bench) -> None:
    (bench.folder / ".spool" / CAMERA / "clips").mkdir(parents=True)
    (bench.folder / ".spool" / CAMERA / "clips" / "a.plan").touch()
    bench.root.open_if_due()
    bench.root.open_if_due()
    bench.root.close()
    bench.root.open_if_due()
    bench.root.close()
    assert bench.calls == ["opened", (["a"], KILLED), 4.0, "opened", (["a"], None), 4.0]


def test_a_missing_root_is_tried_again_after_the_delay(bench: Bench) -> None:
    marker = bench.folder / MARKER
    content = marker.read_bytes()
    marker.unlink()
    with pytest.raises(RootMissing):
        bench.root.open_if_due()
    marker.write_bytes(content)
    bench.root.open_if_due()
    assert bench.root.storage is None
    assert bench.root.free_bytes() is None
    bench.clock.advance(1.0)
    bench.root.open_if_due()
    assert bench.root.free_bytes()
    bench.root.close()


def test_a_root_that_fails_while_it_is_opened_is_closed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Storage, "check_links_into", fail)
    with pytest.raises(OSError, match="Read-only"):
        bench.root.open_if_due()
    assert bench.root.storage is None
    assert bench.calls == [4.0]


def fail(*_: object) -> None:
    raise OSError(errno.EROFS, "Read-only file system")
