"""When the packets of a camera are encoded again instead of copied."""

from __future__ import annotations

from typing import Any

import pytest

from captures.recordings.recorder.clip_policy import CopyingPolicy
from tests.harness.camera_processes.recorder_parts import STREAM, frame, packet


@pytest.fixture
def refused() -> list[Any]:
    return []


@pytest.fixture
def policy(refused: list[Any]) -> CopyingPolicy:
    return CopyingPolicy(refused.append, timeout_s=60.0)


def test_a_stream_without_key_frames_is_refused_after_the_timeout(policy: CopyingPolicy, refused: list[Any]) -> None:
    assert not any(policy.can_begin_clip(packet(monotonic, is_key=False)) for monotonic in (1.0, 61.0))
    assert refused == []
    policy.can_begin_clip(packet(61.1, is_key=False))
    assert refused == [STREAM]


@pytest.mark.parametrize("how", ["key frame", "stop"])
def test_the_timeout_begins_again_with_a_key_frame_or_a_stop(
    policy: CopyingPolicy, refused: list[Any], how: str
) -> None:
    policy.can_begin_clip(packet(1.0, is_key=False))
    if how == "stop":
        policy.reset()
    else:
        policy.can_begin_clip(packet(2.0, is_key=True))
    policy.can_begin_clip(packet(61.5, is_key=False))
    assert refused == []


@pytest.mark.parametrize(("step_s", "refusals"), [(10.0, [STREAM]), (20.0, [])])
def test_a_stream_whose_parameter_sets_change_too_often_is_refused(
    policy: CopyingPolicy, refused: list[Any], step_s: float, refusals: list[Any]
) -> None:
    for change in range(4):
        policy.count_change(packet(change * step_s, is_key=True), STREAM)
    assert refused == refusals


def test_another_stream_is_no_change_of_parameter_sets_and_frames_are_never_refused(
    policy: CopyingPolicy, refused: list[Any]
) -> None:
    for _ in range(4):
        policy.count_change(packet(0.0, is_key=True), None)
    policy.refuse(frame(0.0), "It cannot be decoded.")
    assert refused == []
