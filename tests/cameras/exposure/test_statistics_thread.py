"""Statistics are made beside the camera loop: the newest picture only, and no error ends them."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from cameras.drivers.base import CameraError, Exposure, FrameData
from cameras.exposure.measuring import KEPT_RESULTS, NICE, StatisticsThread
from cameras.exposure.statistics import as_body
from tests.harness.rows.pictures import jpeg
from tests.harness.waiting import PATIENCE_S

CONTROL: Any = {"target": 0.4, "measure": "mean"}


class HeldFile:
    """A picture of a DSLR; it sets `is_read` when it is read, and then waits for `gate`."""

    kind, suffix, size = "jpeg", ".jpg", 0

    def __init__(self, error: Exception | None = None) -> None:
        self.is_read, self.gate, self._error = threading.Event(), threading.Event(), error
        self.nice: int | None = None

    def chunks(self) -> Iterator[bytes]:
        self.nice = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        self.is_read.set()
        assert self.gate.wait(PATIENCE_S)
        if self._error:
            raise self._error
        return iter([jpeg(64, 48)])


def grey(value: int) -> Any:
    return np.full((48, 64), value, np.uint8)


def of_file(file: HeldFile) -> Exposure:
    return Exposure(0, 1, files=[file])


def failing(error: Exception) -> Exposure:
    file = HeldFile(error)
    file.gate.set()
    return of_file(file)


@pytest.fixture
def thread() -> Iterator[StatisticsThread]:
    thread = StatisticsThread()
    yield thread
    thread.stop()


@pytest.fixture
def busy(thread: StatisticsThread) -> Iterator[HeldFile]:
    """The thread is reading this file."""
    file = HeldFile()
    thread.submit("slow", of_file(file))
    assert file.is_read.wait(PATIENCE_S)
    yield file
    file.gate.set()


def test_a_frame_and_an_exposure_are_measured(thread: StatisticsThread) -> None:
    thread.submit("frame", grey(51))
    assert thread.result("frame", PATIENCE_S).mean == pytest.approx(0.2)  # type: ignore[union-attr]
    thread.submit("exposure", Exposure(0, 1, frame=FrameData(grey(102), 0, 0.0, 1)))
    assert thread.result("exposure", PATIENCE_S).mean == pytest.approx(0.4)  # type: ignore[union-attr]
    assert thread.newest == ("exposure", thread.result("exposure", 0))


def test_only_the_masked_part_is_measured(thread: StatisticsThread) -> None:
    upper = np.zeros((64, 64), np.bool_)
    upper[:32] = True
    mask = base64.b64encode(np.packbits(upper).tobytes()).decode()
    thread.submit("frame", np.vstack([grey(204), grey(0)]), {**CONTROL, "mask": mask})
    found = thread.result("frame", PATIENCE_S)
    assert found is not None
    assert (found.mean, found.controlled) == (pytest.approx(0.8), pytest.approx(0.8))


@pytest.mark.parametrize(
    ("measure", "transfer", "controlled"),
    [
        ({"measure": "median"}, "srgb", 51 / 255),
        ({"measure": "percentile", "percentile": 90.0}, "srgb", 204 / 255),
        # A quarter of the light of the brighter half is more than that of its value as recorded.
        ({"measure": "mean"}, "srgb", 0.46),
        ({"measure": "mean"}, "linear", (0.75 * 51 + 0.25 * 204) / 255),
    ],
)
def test_the_measure_that_the_control_uses_is_kept(
    thread: StatisticsThread, measure: Any, transfer: Any, controlled: float
) -> None:
    picture = np.vstack([grey(51), grey(51), grey(51), grey(204)])
    thread.submit("frame", picture, {**CONTROL, **measure}, transfer)
    found = thread.result("frame", PATIENCE_S)
    assert found is not None
    assert as_body(found)["controlled"] == pytest.approx(controlled, abs=0.01)


def test_of_pictures_that_come_too_fast_the_newest_is_measured(thread: StatisticsThread, busy: HeldFile) -> None:
    [thread.submit(str(number), grey(number)) for number in range(50)]
    assert thread.result("48", PATIENCE_S) is None
    busy.gate.set()
    assert thread.result("49", PATIENCE_S).mean == pytest.approx(49 / 255)  # type: ignore[union-attr]
    assert (thread.dropped, thread.measured) == (49, 2)


def test_a_result_that_is_late_is_not_waited_for(thread: StatisticsThread, busy: HeldFile) -> None:
    thread.submit("frame", grey(0))
    assert thread.result("slow", 0.01) is None
    assert thread.result("frame", 0.01) is None
    assert thread.newest is None


def test_what_was_never_submitted_has_no_result_at_once(thread: StatisticsThread) -> None:
    assert thread.result("unknown", PATIENCE_S * 10) is None


def test_measuring_has_a_low_priority_and_the_submitter_keeps_its_own(busy: HeldFile) -> None:
    assert busy.nice == NICE
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < NICE


@pytest.mark.parametrize(
    "error", [RuntimeError("a defect of the decoder"), CameraError("The camera is gone."), OSError("no bytes")]
)
def test_an_error_is_logged_once_and_the_next_picture_is_measured(
    thread: StatisticsThread, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    for key in ("first", "second"):
        thread.submit(key, failing(error))
        assert thread.result(key, PATIENCE_S) is None
    thread.submit("good", grey(0))
    assert thread.result("good", PATIENCE_S) is not None
    assert (thread.failed, len(caplog.records)) == (2, 1)


def test_a_failed_picture_does_not_replace_the_newest_statistics(thread: StatisticsThread) -> None:
    thread.submit("good", grey(51))
    assert thread.result("good", PATIENCE_S)
    thread.submit("bad", failing(RuntimeError("damaged")))
    assert thread.result("bad", PATIENCE_S) is None
    assert thread.newest == ("good", thread.result("good", 0))


def test_old_results_are_dropped(thread: StatisticsThread) -> None:
    keys = [str(number) for number in range(KEPT_RESULTS + 1)]
    [(thread.submit(key, grey(0)), thread.result(key, PATIENCE_S)) for key in keys]
    assert [thread.result(key, 0) is None for key in keys] == [True, *[False] * KEPT_RESULTS]


def test_a_stopped_thread_takes_nothing_and_releases_those_that_wait(thread: StatisticsThread, busy: HeldFile) -> None:
    thread.submit("waiting", grey(0))
    thread.stop(timeout_s=0)
    thread.submit("late", grey(0))
    assert thread.result("waiting", PATIENCE_S) is None
    assert thread.result("late", PATIENCE_S) is None
    busy.gate.set()
    assert thread.result("slow", PATIENCE_S) is not None
