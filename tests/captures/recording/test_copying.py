"""H.264 of network cameras is copied into clips without decoding, over the network from real servers."""

from __future__ import annotations

import hashlib
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cameras.drivers.network.addresses import NetworkTimes
from cameras.drivers.packets import CodedStream, PacketData
from cameras.runtime.buffer import QueueLimits
from captures.recordings.recorder.recorder import RecorderTimes
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.camera_processes.copying import LONG, SHORT, Busy, CopyingBench, bodies
from tests.harness.camera_processes.recorded_clips import clips_of, numbers, records_of, shown
from tests.harness.far_ends.network.http import MjpegServer, TransportStreamServer
from tests.harness.far_ends.network.rtsp import PICTURES, RtspServer
from tests.harness.far_ends.network.video import GROUP, coded
from tests.harness.waiting import eventually

FPS = 40
MOST = 10
"""Packets in a full queue."""


def follow_one_another(found: list[int | None]) -> bool:
    return all(None not in pair and (pair[1] or 0) - (pair[0] or 0) in {1, 1 - PICTURES} for pair in pairwise(found))


def after(number: int, other: int) -> int:
    """How many pictures after `number` the `other` is sent; numbers repeat every PICTURES."""
    return (other - number + PICTURES // 2) % PICTURES - PICTURES // 2


@pytest.mark.slow
def test_every_packet_is_in_one_clip_across_three_rotations(tmp_path: Path) -> None:
    with RtspServer(FPS) as server, CopyingBench(tmp_path, server.address, SHORT) as bench:
        bench.wait_for_clips(3)
        bench.stop_recording()
    recorded = bodies(bench, "codec", "copied", "simulated", "interrupted", "lost_frames")
    found = numbers(bench.clips())
    assert len(recorded) >= 4
    assert set(recorded) == {("h264", True, False, False, 0)}
    assert [body[0] for body in bodies(bench, "frames")] == [len(shown(clip)) for clip in bench.clips()]
    assert follow_one_another(found)
    assert len(found) > FPS


def test_a_clip_ends_where_the_next_one_begins(tmp_path: Path) -> None:
    with RtspServer(FPS) as server, CopyingBench(tmp_path, server.address, SHORT) as bench:
        bench.wait_for_clips(2)
    (_, first_ends), (second_starts, _) = bodies(bench, "started", "ended")[:2]
    assert first_ends == second_starts
    assert [(file["width"], file["height"]) for file in bench.records()[0]["files"]] == [(320, 240)]


def test_a_transport_stream_is_copied_as_well(tmp_path: Path) -> None:
    with TransportStreamServer(FPS) as server, CopyingBench(tmp_path, server.address, LONG) as bench:
        bench.wait_for_frames(60)
        bench.stop_recording()
    assert bodies(bench, "copied") == [(True,)]
    assert follow_one_another(numbers(bench.clips()))


def test_pictures_sent_out_of_order_are_shown_in_order(tmp_path: Path) -> None:
    """Except the last two: the stream may end between the picture shown last and those sent after it."""
    pictures = coded(PICTURES, FPS, b_frames=2)
    with RtspServer(FPS, pictures=pictures) as server, CopyingBench(tmp_path, server.address, LONG) as bench:
        bench.wait_for_frames(60)
        bench.stop_recording()
    [body] = bodies(bench, "frames")
    frames = shown(bench.clips()[0])
    steps = np.diff([frame.seconds for frame in frames])
    assert len(frames) == body[0]
    assert frames[0].seconds < 0.2
    assert steps.min() > 0
    assert follow_one_another([frame.number for frame in frames][:-2])
    assert np.median(steps) == pytest.approx(1 / FPS, rel=0.1)


UNCHECKED = NetworkTimes(check_every_s=1000.0)
"""No picture is decoded only to check the stream."""


def test_recording_decodes_nothing_and_a_still_is_captured_meanwhile(tmp_path: Path) -> None:
    with RtspServer(FPS) as server, CopyingBench(tmp_path, server.address, LONG, network_times=UNCHECKED) as bench:
        bench.wait_for_frames(5)
        before = bench.decoded
        bench.wait_for_packets(FPS)
        assert bench.decoded == before
        outcome = bench.outcome(bench.capture())
        bench.wait_for_packets(2)
        after = bench.decoded
        bench.wait_for_packets(FPS)
        assert bench.decoded == after > before
        bench.stop_recording()
    assert outcome["outcome"] == "saved"
    assert follow_one_another(numbers(bench.clips()))


@pytest.mark.slow
def test_packets_are_decoded_only_while_someone_watches_and_the_clip_loses_nothing(tmp_path: Path) -> None:
    with RtspServer(FPS) as server, CopyingBench(tmp_path, server.address, LONG, network_times=UNCHECKED) as bench:
        bench.wait_for_frames(5)
        before = bench.decoded
        bench.send_command("live", qualities=[])
        eventually(lambda: bench.decoded > before + FPS)
        bench.streamed.wants_frames = False
        bench.wait_for_packets(FPS)
        after = bench.decoded
        bench.wait_for_packets(FPS)
        assert bench.decoded == after
        bench.stop_recording()
    assert follow_one_another(numbers(bench.clips()))


def test_a_camera_whose_packets_are_copied_counts_them(tmp_path: Path) -> None:
    with RtspServer(FPS) as server, CopyingBench(tmp_path, server.address, LONG) as bench:
        bench.wait_for_frames(10)
        bench.send_command("live", qualities=[])
        eventually(lambda: bench.buffer.get_frame_for_streaming() is not None)
        bench.wait_for_packets(10)
        bench.streamed.wants_frames = False
        bench.stop_recording()
        assert bench.buffer.newest_ns
    assert bench.buffer.frames == bodies(bench, "frames")[0][0]


def test_a_camera_that_comes_back_with_another_size_begins_another_clip(tmp_path: Path) -> None:
    with RtspServer(FPS) as server, CopyingBench(tmp_path, server.address, LONG) as bench:
        bench.wait_for_frames(20)
        server.pictures = coded(PICTURES, FPS, width=352, height=288)
        server.hang_up()
        bench.wait_for_clips()
        bench.wait_for_frames(20)
        bench.stop_recording()
    assert [(one["files"][0]["width"], one["body"]["interrupted"]) for one in bench.records()] == [
        (320, False),
        (352, False),
    ]
    assert all(follow_one_another(numbers([clip])) for clip in bench.clips())


def test_new_parameter_sets_within_a_stream_begin_another_clip_without_a_loss(tmp_path: Path) -> None:
    with RtspServer(FPS) as server, CopyingBench(tmp_path, server.address, LONG) as bench:
        bench.wait_for_frames(5)
        other, turn = coded(PICTURES, FPS, width=352, height=288), (max(server.sent) // 40 + 2) * 40
        server.pictures = server.pictures[:turn] + other[turn:]
        bench.wait_for_clips()
        bench.wait_for_frames(5)
        bench.stop_recording()
    assert [one["files"][0]["width"] for one in bench.records()] == [320, 352]
    assert follow_one_another(numbers(bench.clips()))
    assert numbers(bench.clips()[1:])[0] == turn


@pytest.mark.slow
def test_a_stall_inside_a_picture_ends_the_clip_before_it(tmp_path: Path) -> None:
    times = NetworkTimes(read_s=1.2)
    with RtspServer(FPS) as server, CopyingBench(tmp_path, server.address, LONG, network_times=times) as bench:
        bench.wait_for_frames(20)
        server.mood = "stall inside"
        bench.wait_for_clips()
        last = numbers(bench.clips())[-1]
        server.mood = "good"
        bench.wait_for_frames(20)
        bench.stop_recording()
    assert last is not None
    assert len(bench.clips()) >= 2
    assert all(follow_one_another(numbers([clip])) for clip in bench.clips())


@pytest.mark.slow
def test_a_camera_that_stops_sending_key_frames_is_encoded(tmp_path: Path) -> None:
    pictures, times = coded(PICTURES, FPS, group=PICTURES), RecorderTimes(key_frame_s=0.5)
    with RtspServer(FPS, pictures=pictures) as server, CopyingBench(tmp_path, server.address, SHORT, times) as bench:
        bench.wait_for_clips(2)
    assert bodies(bench, "copied")[:2] == [(True,), (False,)]
    assert all(follow_one_another(numbers([clip])) for clip in bench.clips()[:2])


@pytest.mark.slow
def test_a_camera_whose_parameter_sets_change_with_each_key_frame_is_encoded(tmp_path: Path) -> None:
    one, other = (coded(PICTURES, FPS, group=20, width=width) for width in (320, 336))
    pictures = [(one, other)[number // 20 % 2][number] for number in range(PICTURES)]
    with RtspServer(FPS, pictures=pictures) as server, CopyingBench(tmp_path, server.address, LONG) as bench:
        eventually(lambda: (False,) in bodies(bench, "copied"))
    assert bodies(bench, "copied")[:4] == [(True,)] * 4


def test_a_stream_other_than_h264_is_encoded(tmp_path: Path) -> None:
    with MjpegServer(FPS) as server, CopyingBench(tmp_path, server.address, LONG) as bench:
        bench.wait_for_frames(10)
        bench.stop_recording()
    assert bodies(bench, "copied") == [(False,)]


def test_frames_not_decoded_in_time_are_counted_and_reported(tmp_path: Path) -> None:
    with MjpegServer(FPS) as server, CopyingBench(tmp_path, server.address, LONG) as bench:
        bench.wait_for_frames(10)
        bench.consumers.append(busy := Busy())
        bench.send_command("live")
        newest = max(server.sent)
        eventually(lambda: max(server.sent) > newest + 2 * FPS)
        busy.may_continue.set()
        bench.wait_for_type("alert", key="recording.lost:scripted")
        bench.stop_recording()
    [(frames, lost)], found = bodies(bench, "frames", "lost_frames"), numbers(bench.clips())
    assert lost == after(found[0] or 0, found[-1] or 0) + 1 - frames > FPS


def test_no_file_contains_the_password(tmp_path: Path) -> None:
    with RtspServer(FPS, login="me:sesame") as server:
        with CopyingBench(tmp_path, server.with_login("me:sesame@"), LONG) as bench:
            bench.wait_for_frames(10)
        files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(bench.clips()) == 1
    assert not [content for content in files if b"sesame" in content or b"rtsp" in content]


def test_a_kill_loses_no_frame_that_was_reported_and_the_clip_is_kept(tmp_path: Path) -> None:
    with RtspServer(FPS) as server:
        camera = {"kind": "network", "address": server.address, "settings": {}, "recording": LONG}
        with CameraProcess(tmp_path, **camera) as killed:
            reported = killed.wait_for_message(lambda message: (message.get("recorder") or {}).get("frames", 0) > 40)
        with CameraProcess(tmp_path, **camera) as process:
            process.wait_for_type("spooled", part="clips")
            [record], [file] = records_of(process), clips_of(process)
    found, body = numbers([file]), record["body"]
    assert body["interrupted"] is True
    assert body["copied"] is True
    # A frame is in the file once the next one is added.
    assert body["frames"] == len(found) >= reported["recorder"]["frames"] - 1
    assert record["files"][0]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert follow_one_another(found)


def test_packets_that_do_not_fit_into_the_queue_are_counted_and_reported(tmp_path: Path) -> None:
    bench = CopyingBench(tmp_path, "", LONG, limits=QueueLimits(packets=MOST))
    stream, began = CodedStream("h264"), time.monotonic()
    sent = [
        PacketData(one.data, stream, one.is_key, time.time_ns(), began + number / FPS, number)
        for number, one in enumerate(coded(PICTURES, FPS))
    ]
    bench.buffer.begin(stream)
    put_fitting_packets(bench, sent[:GROUP])
    put_packets(bench, sent[GROUP:-GROUP])
    put_fitting_packets(bench, sent[-GROUP:])
    bench.recorder.stop()
    [body] = bodies(bench, "frames", "lost_frames")
    assert body[1] > 0
    assert sum(body) == len(sent)
    assert len([number for number in numbers(bench.clips()) if number is not None]) == body[0]
    assert bench.wait_for_type("alert", key="recording.lost:scripted")["message"]


def put_fitting_packets(bench: CopyingBench, sent: list[PacketData]) -> None:
    """Put as many at a time as fit into the queue."""
    for start in range(0, len(sent), MOST):
        put_packets(bench, sent[start : start + MOST])


def put_packets(bench: CopyingBench, sent: list[PacketData]) -> None:
    """Put all at once, and wait until those that fit into the queue are written."""
    for packet in sent:
        bench.buffer.put_packet(packet)
    eventually(lambda: bench.status().get("frames", 0) + bench.buffer.lost > sent[-1].number)
