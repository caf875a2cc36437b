"""The recorder's status: its growth rate, and the time until the floor."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from cameras.runtime.spec import shared, waiting_recorder
from captures.recordings.recorder.recorder_reports import NO_FAILURE, RecorderStatus

DESIRED: Any = {"kind": "rolling", "requested_by": "ada"}


def clip(length_s: float, size: int) -> Any:
    times = SimpleNamespace(started=0.0, frames=9, length_s=length_s)
    return SimpleNamespace(id="a", times=times, file=SimpleNamespace(bytes=size))


def test_a_clip_that_has_just_begun_has_the_rate_of_the_one_before() -> None:
    status = RecorderStatus()
    status.set_disk_space(10**9, 0)
    rates = [status.snapshot(DESIRED, clip(*one), NO_FAILURE) for one in ((1.0, 10), (6.0, 600_000), (1.0, 10))]
    assert [(recorder["mb_per_min"], recorder["floor_s"]) for recorder in rates if recorder] == [
        (None, None),
        (6.0, 10_000),
        (6.0, 10_000),
    ]


def recorder(mb_per_min: float | None, floor_s: int | None) -> Any:
    return {**waiting_recorder(DESIRED, ""), "mb_per_min": mb_per_min, "floor_s": floor_s}


def test_the_time_until_the_floor_is_shorter_where_others_fill_the_same_disk() -> None:
    others = [recorder(6.0, 10_000), recorder(None, None), None]
    assert [
        shared_recorder["floor_s"]
        for shared_recorder in (shared(recorder(2.0, 40_000), others), shared(recorder(None, None), others))
        if shared_recorder
    ] == [10_000, None]
    assert shared(None, others) is None
