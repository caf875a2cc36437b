"""A picture that is not whole is never returned, wherever its data ends."""

from __future__ import annotations

from collections.abc import Iterator

import av
import pytest
from av.video.codeccontext import VideoCodecContext

from cameras.drivers.network.packet_buffer import ArrivedPacket
from cameras.drivers.network.reader import PictureDecoder
from tests.harness.far_ends.network.video import coded, units

PICTURES = [picture.data for picture in coded(8, fps=25)]
CUT = 5
"""The number of the picture that is not whole."""


def arrivals(pictures: list[bytes]) -> Iterator[ArrivedPacket]:
    for number, data in enumerate(pictures):
        packet = av.Packet(data)
        packet.is_keyframe = number == 0
        yield ArrivedPacket(number, float(number), number, float(number), packet)


def numbers_of(pictures: list[bytes]) -> list[int]:
    """The numbers of the pictures that the decoder returns."""
    codec = av.CodecContext.create("h264", "r")
    assert isinstance(codec, VideoCodecContext)
    decoder = PictureDecoder(codec)
    return [found.arrival.number for arrived in arrivals(pictures) for found in decoder.decode(arrived)]


def test_pictures_of_several_slices_are_returned() -> None:
    assert len(units(PICTURES[CUT])) > 1
    assert numbers_of(PICTURES[: CUT + 1]) == list(range(CUT + 1))


@pytest.mark.parametrize("percent", range(5, 100, 5))
def test_a_picture_that_is_cut_off_is_not_returned(percent: int) -> None:
    whole = PICTURES[CUT]
    cut = whole[: len(whole) * percent // 100]
    assert numbers_of([*PICTURES[:CUT], cut]) == list(range(CUT))
