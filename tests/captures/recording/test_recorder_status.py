"""The recorder's status: its growth rate, and its alerts."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any

import pytest

from cameras.runtime.recording_state import shared, waiting_recorder
from captures.recording.recorder_status import RecorderStatus
from captures.recording.recovery import RecoveredClips

DESIRED: Any = {"kind": "rolling", "requested_by": "ada"}


def clip(length_s: float, size: int) -> Any:
    file = SimpleNamespace(bytes=size)
    return SimpleNamespace(id="a", started=0.0, frames=9, file=file, length_s=length_s, plan=DESIRED, desired=DESIRED)


def test_a_clip_that_has_just_begun_has_the_rate_of_the_one_before() -> None:
    link = SimpleNamespace(send=lambda _: None)
    status = RecorderStatus(link, "sky", "/video")
    status.set_disk_space(10**9, 0)
    rates = [status.snapshot(DESIRED, clip(*one)) for one in ((1.0, 10), (6.0, 600_000), (1.0, 10))]
    assert [(recorder["mb_per_min"], recorder["floor_s"]) for recorder in rates if recorder] == [
        (None, None),
        (6.0, 10_000),
        (6.0, 10_000),
    ]


def unrecovered(sent: list[dict[str, Any]]) -> str:
    """The message of the alert about unrecovered clips; empty if it is resolved."""
    message: str = next(one["message"] for one in reversed(sent) if one.get("key") == "recording.left:sky")
    return message


def test_a_repaired_clip_does_not_close_the_alert_about_others() -> None:
    sent: list[dict[str, Any]] = []
    status = RecorderStatus(SimpleNamespace(send=sent.append), "sky", "/video")
    broken = OSError(errno.EIO, "Input/output error")
    status.report_recovered(RecoveredClips(tried=["a", "b"], failed={"a": broken, "b": broken}))
    status.report_recovered(RecoveredClips(tried=["c"], repaired=["c"]))
    assert unrecovered(sent).startswith("2 clips of sky")
    status.report_recovered(RecoveredClips(tried=["a"], repaired=["a"]))
    assert unrecovered(sent).startswith("A clip of sky")
    status.report_storage_opened()
    status.report_recovered(RecoveredClips())
    assert unrecovered(sent) == ""


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


@pytest.mark.parametrize(("floor", "lower"), [(2_000_000_000, False), (10_000_000_000, True)])
def test_the_message_about_a_full_disk_says_whether_clips_could_be_deleted(floor: int, lower: bool) -> None:
    status = RecorderStatus(SimpleNamespace(send=lambda *_, **__: None), "sky", "/video")  # type: ignore[arg-type]
    status.report_disk_full({**DESIRED, "floor_bytes": 2_000_000_000, "rolling_floor_bytes": floor})
    assert f"less than {floor / 1e9:g} GB left. Free some space" in status.failure_message
    assert (
        "there is none" in status.failure_message,
        "lower camera_config.soft_floor_gb" in status.failure_message,
    ) == (lower, lower)
