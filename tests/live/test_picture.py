"""A live picture's messages, made once for all viewers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from cameras.live import feed
from cameras.live.feed import Picture
from cameras.live.publisher import FRAME_HEADER, LOWERED, MAGIC, SIMULATED, STALE, VERSION

JPEG = bytes.fromhex("ffd8ffc00011080400050003ffd9") + bytes(70_000)


@pytest.fixture
def picture() -> Picture:
    return Picture(FRAME_HEADER.pack(MAGIC, VERSION, SIMULATED, 0, 7, 1_700_000_000_000_000, 0) + JPEG, "medium")


def read(frame: bytes) -> Frame:
    """The one message that a client reads in these bytes."""
    client = ClientProtocol(parse_uri("ws://station/"), state=State.OPEN, max_size=None)
    client.receive_data(frame)
    [found] = client.events_received()
    assert isinstance(found, Frame)
    return found


@pytest.mark.parametrize("lowered", [False, True])
def test_the_frame_holds_the_binary_message(picture: Picture, lowered: bool) -> None:
    found = read(picture.frame(binary=True, lowered=lowered))
    assert found.opcode == Opcode.BINARY
    assert bytes(found.data) == picture.binary(lowered=lowered)


def test_the_frame_holds_the_text_message(picture: Picture) -> None:
    found = read(picture.frame(binary=False))
    assert found.opcode == Opcode.TEXT
    assert json.loads(bytes(found.data)) == json.loads(picture.text())


def test_all_viewers_share_one_frame(picture: Picture) -> None:
    assert picture.frame(binary=True) is picture.frame(binary=True)
    assert picture.frame(binary=False) is picture.frame(binary=False)


def flags_in(frame: bytes) -> Any:
    return FRAME_HEADER.unpack_from(bytes(read(frame).data))[2]


def test_a_viewer_with_less_than_its_quality_gets_a_frame_that_says_so(picture: Picture) -> None:
    assert flags_in(picture.frame(binary=True)) == SIMULATED
    assert flags_in(picture.frame(binary=True, lowered=True)) == SIMULATED | LOWERED


def test_a_picture_that_has_become_stale_gets_a_frame_that_says_so(
    picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = flags_in(picture.frame(binary=True))
    monkeypatch.setattr(feed, "STALE_S", -1.0)
    assert before == SIMULATED
    assert flags_in(picture.frame(binary=True)) == SIMULATED | STALE
