"""USB cameras: the real OpenCV and its V4L2 code, over a device that answers as the kernel would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fakes import v4l2

Play = Callable[[str], Any]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return v4l2.build(tmp_path_factory.mktemp("v4l2"))


@pytest.fixture
def play(library: Path, tmp_path: Path) -> Play:
    return lambda scenario: v4l2.play(scenario, library, tmp_path / "camera.node")


def test_the_stream_of_a_usb_camera_is_complete_and_rgb(play: Play) -> None:
    seen = play("streams")
    assert list(np.diff(seen["numbers"])) == [1, 1, 1, 1]
    assert seen["red"] == 200


def test_after_a_pause_the_queued_old_frames_are_thrown_away(play: Play) -> None:
    assert play("pauses") > 15


def test_a_still_takes_no_frame_out_of_the_stream(play: Play) -> None:
    seen = play("still_in_a_stream")
    assert set(np.diff(seen["numbers"])) == {1}
    assert seen["still"] in seen["numbers"]


def test_settings_are_read_back_and_what_is_missing_is_said(play: Play) -> None:
    seen = play("applies")
    assert seen["actual"] == {"exposure_us": 5000, "fps": 25.0, "width": 64, "height": 48}
    assert seen["warnings"] == ["This camera has no gain; 2 was asked."]
    assert seen["shape"] == [48, 64, 3]


def test_a_white_balance_that_is_set_ends_the_cameras_own(play: Play) -> None:
    assert play("balances") == [4600, 5600]


def test_a_frame_that_was_queued_says_when_it_was_captured(play: Play) -> None:
    age, by_the_wall = play("dated")
    assert age > 0.15
    assert abs(age - by_the_wall) < 0.05


def test_a_camera_that_was_unplugged_is_noticed_though_nobody_wants_pictures(play: Play) -> None:
    assert play("unplugged_unseen") == ["camera_unreachable", "/dev/video9 is gone. Plug the camera in again."]


def test_a_still_with_its_own_exposure_shows_it_and_leaves_the_setting(play: Play) -> None:
    assert play("overrides") == {"actual": 20_000, "seen": 200, "after": 5000}


def test_an_exposure_that_the_camera_does_not_take_is_said(play: Play) -> None:
    seen = play("exceeds")
    assert seen["actual"] == 25_000
    assert seen["warnings"] == ["This camera has exposure_us 25000; 100000 was asked."]


def test_a_camera_that_stops_delivering_is_too_slow_in_time(play: Play) -> None:
    seen = play("stalls")
    assert seen["error"][0] == "too_slow"
    assert seen["seconds"] < 2


def test_a_camera_that_falls_silent_in_a_stream_is_unreachable(play: Play) -> None:
    reason, sentence = play("silent")
    assert reason == "camera_unreachable"
    assert sentence.startswith("/dev/video9 delivers no frames. Open it again")


def test_a_camera_that_was_unplugged_is_unreachable(play: Play) -> None:
    assert play("unplugged") == ["camera_unreachable", "/dev/video9 is gone. Plug the camera in again."]


def test_a_camera_that_was_plugged_in_again_opens(play: Play) -> None:
    assert isinstance(play("replugged"), int)


def test_a_camera_that_another_program_holds_says_who_could_tell(play: Play) -> None:
    reason, sentence = play("busy")
    assert reason == "camera_held"
    assert "fuser -v /dev/video9" in sentence
