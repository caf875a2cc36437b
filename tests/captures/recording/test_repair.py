"""A clip that was cut off anywhere: the rest plays, and its number of frames is right."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.recordings.recorder.encoding import Encoder
from captures.recordings.recorder.recovery import playable_part
from tests.harness.camera_processes.recorded_clips import RECORDING

FRAMES = 24
RATE = 15


class Sink:
    def __init__(self) -> None:
        self.written = io.BytesIO()

    def write(self, data: Any, /) -> int:
        return self.written.write(data)


def clip() -> bytes:
    """Noise, then a still picture: large NAL units, and units of a few bytes."""
    sink, noise = Sink(), np.random.default_rng(1)
    encoder = Encoder(sink, 64, 48, RECORDING)
    picture = noise.integers(0, 255, (72, 64), dtype=np.uint8)
    for number in range(FRAMES):
        encoder.add(picture if number % 4 else noise.integers(0, 255, (72, 64), dtype=np.uint8), number / RATE)
    encoder.finish()
    return sink.written.getvalue()


CLIP = clip()
LARGEST = 12_000
"""More bytes than any fragment of the clip, or its header."""


def frames_in(content: bytes) -> int:
    with av.open(io.BytesIO(content)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_a_clip_that_was_not_cut_off_is_whole() -> None:
    whole = playable_part(CLIP)
    assert whole.frames == FRAMES
    assert CLIP[whole.bytes :][4:8] == b"mfra"
    assert whole.seconds == pytest.approx(FRAMES / RATE, abs=1 / RATE)


@given(st.integers(0, len(CLIP)))
def test_the_rest_of_a_clip_cut_off_anywhere_plays(length: int) -> None:
    whole = playable_part(CLIP[:length])
    assert whole.bytes <= length
    assert whole.frames == (frames_in(CLIP[: whole.bytes]) if whole.frames else 0)


@given(st.integers(0, len(CLIP)))
def test_a_cut_loses_the_last_frame_at_most(length: int) -> None:
    whole = playable_part(CLIP[:length])
    assert length - whole.bytes < LARGEST
    assert CLIP[whole.bytes :][4:8] in {b"moof", b"mfra", b""} or not whole.frames


@given(st.integers(0, len(CLIP) // 512))
def test_a_clip_ends_before_a_page_that_a_power_cut_left_empty(page: int) -> None:
    damaged = CLIP[: page * 512] + b"\0" * (len(CLIP) - page * 512)
    whole = playable_part(damaged)
    assert whole.bytes <= page * 512
    assert whole.frames == (frames_in(damaged[: whole.bytes]) if whole.frames else 0)


@given(st.binary(max_size=4096))
def test_random_bytes_are_not_a_clip(content: bytes) -> None:
    assert playable_part(content).frames == 0


@given(st.integers(0, len(CLIP) - 1), st.integers(1, 255))
def test_a_damaged_byte_never_raises(place: int, change: int) -> None:
    damaged = bytearray(CLIP)
    damaged[place] ^= change
    assert playable_part(bytes(damaged)).bytes <= len(CLIP)


@pytest.mark.parametrize("place", range(3))
def test_a_clip_ends_before_a_picture_whose_length_is_wrong(place: int) -> None:
    first = CLIP.index(b"mdat") - 4
    damaged = bytearray(CLIP)
    damaged[first + place] ^= 1
    assert playable_part(bytes(damaged)).frames == 0
