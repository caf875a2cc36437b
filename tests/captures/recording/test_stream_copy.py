"""Packets as cameras send them, regular and odd, become a file that plays with the right times."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from cameras.drivers.packets import CodedStream, PacketData
from captures.recordings.recorder.encoding import CopiedTrack
from captures.recordings.recorder.recovery import playable_part
from captures.recordings.recorder.tracks import Unplayable
from tests.harness.camera_processes.recorded_clips import shown
from tests.harness.far_ends.network.video import GROUP, coded, units

FPS = 40
PICTURES = coded(2 * GROUP, FPS)
SETS = [unit for unit in units(PICTURES[0].data) if unit[0] & 31 in {7, 8}]
START = b"\0\0\0\1"
STREAM = CodedStream("h264")


def packets(times: Iterable[float], of: CodedStream = STREAM) -> list[PacketData]:
    return [
        PacketData(one.data, of, one.is_key, round(at * 1e9), at, number)
        for number, (one, at) in enumerate(zip(PICTURES, times, strict=False))
    ]


def copied(sent: list[PacketData]) -> bytes:
    file, track = io.BytesIO(), CopiedTrack(sent[0])
    track.begin(file)
    for packet in sent:
        assert track.accepts(packet)
        track.add(packet, packet.monotonic)
    track.finish()
    return file.getvalue()


def evenly(count: int = len(PICTURES)) -> list[float]:
    return [number / FPS for number in range(count)]


def played(content: bytes, folder: Path) -> list[tuple[int | None, float]]:
    (folder / "clip.mp4").write_bytes(content)
    return [(one.number, one.seconds) for one in shown(folder / "clip.mp4")]


def test_a_camera_that_slows_down_does_not_play_fast(tmp_path: Path) -> None:
    times = [*evenly(20), *(20 / FPS + number / 4 for number in range(20))]
    found = played(copied(packets(times)), tmp_path)
    assert [number for number, _ in found] == list(range(40))
    assert [seconds for _, seconds in found] == pytest.approx(times, abs=1e-3)


def test_a_burst_after_a_stall_is_written_whole(tmp_path: Path) -> None:
    times = [*evenly(10), *itertools.repeat(3.0, 10), *(2.0, 3.1)]
    found = played(copied(packets(times)), tmp_path)
    assert [number for number, _ in found] == list(range(22))
    assert all(step > 0 for step in np.diff([seconds for _, seconds in found]))
    assert found[-1][1] == pytest.approx(3.1, abs=1e-3)


def length_prefixed(packet: PacketData) -> PacketData:
    """The packet with lengths before its units, without parameter sets."""
    own = [unit for unit in units(packet.data) if unit not in SETS]
    return replace(packet, data=b"".join(len(unit).to_bytes(4) + unit for unit in own))


def avcc() -> bytes:
    sequence, picture = SETS
    head = bytes([1, *sequence[1:4], 0xFF, 0xE1])
    return head + len(sequence).to_bytes(2) + sequence + b"\1" + len(picture).to_bytes(2) + picture


def test_packets_with_lengths_are_copied_like_those_with_start_codes(tmp_path: Path) -> None:
    sent = [length_prefixed(packet) for packet in packets(evenly(), CodedStream("h264", avcc()))]
    assert copied(sent) == copied(packets(evenly()))


def test_parameter_sets_from_outside_the_packets_are_in_the_file() -> None:
    apart = CodedStream("h264", b"".join(START + unit for unit in SETS))
    bare = [
        replace(packet, data=b"".join(START + unit for unit in units(packet.data) if unit not in SETS))
        for packet in packets(evenly(), apart)
    ]
    assert copied(bare) == copied(packets(evenly()))


ODD = {
    "zeros behind": lambda data: data + bytes(40),
    "an empty unit": lambda data: START + data,
    "a filler": lambda data: data + START + b"\x0c" + b"\xff" * 20 + b"\x80",
    "what is no unit": lambda data: data + START + b"\0abc" + START + b"\xe5abc",
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_odd_data_from_cameras_is_not_in_the_file(odd: object) -> None:
    assert callable(odd)
    sent = [replace(packet, data=odd(packet.data)) for packet in packets(evenly())]
    assert copied(sent) == copied(packets(evenly()))


def test_zeros_that_are_not_allowed_are_not_mistaken_for_a_power_cut() -> None:
    remark = START + b"\x06\x05\x20" + b"A" * 16 + b"\0\0\0\0" + b"B" * 12 + b"\x80"
    sent = [replace(packet, data=remark + packet.data) for packet in packets(evenly())]
    content = copied(sent)
    assert b"A\0\0\0\0B" in content
    assert playable_part(content).frames == len(sent)


def test_parameter_sets_in_their_own_packet_are_written_with_the_next_picture(tmp_path: Path) -> None:
    sent = packets(evenly())
    alone = replace(sent[GROUP], data=START + b"\x09\xf0", is_key=False)
    found = played(copied([*sent[:GROUP], alone, *sent[GROUP:]]), tmp_path)
    assert [number for number, _ in found] == list(range(len(PICTURES)))


@pytest.mark.parametrize("length", range(3_000, 40_000, 2_311))
def test_a_copied_clip_that_is_cut_off_plays_up_to_there(length: int) -> None:
    content = copied(packets(evenly()))[:length]
    whole = playable_part(content)
    with av.open(io.BytesIO(content[: whole.bytes])) as container:
        assert sum(1 for _ in container.decode(video=0)) == whole.frames > 0


@pytest.mark.parametrize("data", [b"", b"abc", START + b"\x65abc", b"".join(START + unit for unit in SETS)])
def test_a_packet_that_cannot_be_decoded_begins_no_clip(data: bytes) -> None:
    with pytest.raises(Unplayable):
        CopiedTrack(replace(packets(evenly())[0], data=data))


def test_another_stream_or_other_parameter_sets_are_not_accepted() -> None:
    sent = packets(evenly())
    track = CopiedTrack(sent[0])
    other = coded(GROUP, FPS, width=352, height=288)[0].data
    assert track.accepts(sent[1])
    assert not track.accepts(replace(sent[0], data=other))
    assert not track.accepts(replace(sent[0], of=CodedStream("h264")))
