"""The recorder's alerts: when each is raised, what it says, and when it closes."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from captures.recordings.recorder.failures import Failure, describe_floor
from captures.recordings.recorder.recorder_reports import FailureAlert, RecorderEvents, RecoveryAlert
from captures.recordings.recorder.recovery import RecoveredClips
from core.camera_names import CameraName
from core.text.sentences import Mention, mentions_of

SKY = CameraName("0197", "sky")
BROKEN = OSError(errno.EIO, "Input/output error")
WRITE_ERROR, FULL = Failure("write_error", "The disk fails."), Failure("disk_full", "The disk is full.")


class Sent(list[Any]):
    """The reports of a recorder."""

    def messages(self, about: str) -> list[str]:
        """The messages of an alert; an empty one closes it."""
        return [one["message"] for one in self if one.get("key") == f"recording.{about}:sky"]


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def failures(sent: Sent) -> FailureAlert:
    return FailureAlert(RecorderEvents(sent.append, SKY))


def test_a_failure_is_logged_once_and_again_when_it_changes(sent: Sent, failures: FailureAlert) -> None:
    for failure in (FULL, FULL, WRITE_ERROR):
        failures.report(failure)
    assert sent.messages("failed") == [f"sky cannot record: {one.message}" for one in (FULL, WRITE_ERROR)]
    assert [one["level"] for one in sent if one["type"] == "log"] == ["critical"] * 2


def test_after_a_disk_error_the_alert_closes_with_a_sync_and_not_with_a_frame(
    sent: Sent, failures: FailureAlert
) -> None:
    failures.report(WRITE_ERROR)
    failures.clear_after_frame(is_synced=False)
    assert failures.failure == WRITE_ERROR
    failures.clear_after_frame(is_synced=True)
    assert sent.messages("failed")[-1] == failures.failure.message == ""


def test_after_a_full_disk_the_alert_closes_with_a_frame(failures: FailureAlert) -> None:
    failures.report(FULL)
    failures.clear_after_frame(is_synced=False)
    assert failures.failure.reason == ""


def test_the_first_frame_closes_the_alert_of_an_earlier_process_once(sent: Sent, failures: FailureAlert) -> None:
    failures.clear_after_frame(is_synced=False)
    failures.clear_after_frame(is_synced=False)
    assert sent.messages("failed") == [""]


def test_an_open_root_closes_only_the_alert_about_a_missing_one(sent: Sent, failures: FailureAlert) -> None:
    for failure in (FULL, Failure("root_missing", "It is not mounted.")):
        failures.report(failure)
        failures.clear_for_root(is_idle=False)
    assert [bool(message) for message in sent.messages("failed")] == [True, True, False]


def test_a_repaired_clip_does_not_close_the_alert_about_others(sent: Sent) -> None:
    alert = RecoveryAlert(RecorderEvents(sent.append, SKY), "/video")
    alert.report(RecoveredClips(tried=["a", "b"], failed={"a": BROKEN, "b": BROKEN}))
    alert.report(RecoveredClips(tried=["c"], repaired=["c"]))
    assert sent.messages("left")[-1].startswith("2 clips of sky")
    alert.report(RecoveredClips(tried=["a"], repaired=["a"]))
    assert sent.messages("left")[-1].startswith("A clip of sky")
    alert.reset()
    alert.report(RecoveredClips())
    assert sent.messages("left")[-1] == ""


@pytest.mark.parametrize(("floor", "lower"), [(2_000_000_000, False), (10_000_000_000, True)])
def test_the_message_about_a_full_disk_says_whether_clips_could_be_deleted(floor: int, lower: bool) -> None:
    desired: Any = {"kind": "rolling", "floor_bytes": 2_000_000_000, "rolling_floor_bytes": floor}
    message = describe_floor(desired, "/video").message
    assert f"less than {floor / 1e9:g} GB left. Free some space" in message
    assert ("there is none" in message) == lower
    assert ("lower camera_config.soft_floor_gb" in message) == lower


def test_what_a_recorder_says_of_its_camera_mentions_it(sent: Sent, failures: FailureAlert) -> None:
    failures.report(FULL)
    assert [mentions_of(one["message"]) for one in sent] == [[[*Mention(0, 3, SKY.id)]]] * 2
