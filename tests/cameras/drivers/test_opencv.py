"""OpenCV's sources: valid addresses, valid files, and the time of a file."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.base import Aborted, CameraError, ExposureRequest, FrameData, SystemClock
from cameras.drivers.opencv import OpencvDriver
from cameras.drivers.opencv.file import Timeline, VideoFile
from cameras.drivers.opencv.source import FORMATS
from tests.harness.clocks.clock import SlowMachineClock, SteppingClock
from tests.harness.far_ends.ffmpeg import ffmpeg

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0,\n{}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile '{}'\n"
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
DASH = '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>{}</BaseURL></Period></MPD>'


LONGEST_S = 2.5
"""Between two frames of a file that is decoded more slowly than it plays."""


@pytest.fixture
def stepping() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def camera(video_file: str, stepping: SteppingClock) -> Iterator[OpencvDriver]:
    driver = OpencvDriver(video_file, stepping)
    driver.open(stepping.monotonic() + 5)
    yield driver
    driver.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A source folder with one (empty) video file, and a secret beside it."""
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "sky.mp4").touch()
    (tmp_path / "secret.mp4").touch()
    return tmp_path.resolve() / "sources"


def stream(camera: OpencvDriver) -> FrameData:
    frame = camera.frame(camera.clock.monotonic() + 1000)
    assert frame is not None
    return frame


def refusal(path: str | Path, clock: SystemClock | SteppingClock) -> CameraError:
    with pytest.raises(CameraError) as error:
        OpencvDriver(str(path), clock).open(clock.monotonic() + 5)
    return error.value


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("0", "/dev/video0"),
        (" 12 ", "/dev/video12"),
        ("/dev/video3", "/dev/video3"),
        ("/dev/v4l/by-id/usb-046d_HD_Pro_Webcam_C920-video-index0",) * 2,
        ("/dev/v4l/by-path/pci-0000:00:14.0-usb-0:1:1.0-video-index0",) * 2,
    ],
)
def test_a_device_is_an_address(address: str, normal: str) -> None:
    assert OpencvDriver.check_address(address, []) == normal


def test_a_file_is_named_within_its_folder_or_in_full(folder: Path) -> None:
    expected = str(folder / "sky.mp4")
    addresses = ["sky.mp4", "./sky.mp4", expected]
    assert [OpencvDriver.check_address(address, [str(folder)]) for address in addresses] == [expected] * 3


def test_a_file_that_is_not_there_yet_is_an_address(folder: Path) -> None:
    assert OpencvDriver.check_address("later.mkv", [str(folder)]) == str(folder / "later.mkv")


def test_a_file_is_searched_in_every_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    sources = [str(tmp_path / "empty"), str(folder)]
    assert OpencvDriver.check_address("sky.mp4", sources) == str(folder / "sky.mp4")


def test_a_link_inside_the_folder_becomes_what_it_points_to(folder: Path) -> None:
    (folder / "link.mp4").symlink_to(folder / "sky.mp4")
    assert OpencvDriver.check_address("link.mp4", [str(folder)]) == str(folder / "sky.mp4")


def test_a_link_out_of_the_folder_is_refused(folder: Path) -> None:
    (folder / "link.mp4").symlink_to(folder.parent / "secret.mp4")
    with pytest.raises(ValueError, match="is not in a folder"):
        OpencvDriver.check_address("link.mp4", [str(folder)])


def test_a_link_to_another_kind_of_file_is_refused(folder: Path) -> None:
    (folder / "passwd").touch()
    (folder / "link.mp4").symlink_to(folder / "passwd")
    with pytest.raises(ValueError, match="is not in a folder"):
        OpencvDriver.check_address("link.mp4", [str(folder)])


@pytest.mark.parametrize(
    "address",
    [
        "file:{}/sky.mp4",
        "concat:{}/sky.mp4|{}/sky.mp4",
        "subfile,,start,0,end,9,,:{}/sky.mp4",
        "http://127.0.0.1/sky.mp4",
        "rtsp://127.0.0.1/sky.mp4",
        "crypto+file:{}/sky.mp4",
        "{}/frame%03d.mp4",
        "{}/*.mp4",
        "{}/sky.mp4?protocol_whitelist=http",
        "{}/sky.mp4\n",
        "{}/sky.mp4\0.mp4",
        "{}/sky\u202e.mp4",
        "{}/../secret.mp4",
        "../secret.mp4",
        "{}",
        "{}/",
        "{}/list.m3u8",
        "{}/list.sdp",
        "{}-beside/sky.mp4",
        "/etc/passwd",
        "/dev/null",
        "/dev/video0/../sda.mp4",
        "/dev/v4l/by-id/..",
        "/dev/video0\n",
        "-1",
        "1234",
        "²",
        "",
        ".mp4",
    ],
)
def test_another_address_is_refused_and_says_what_is_allowed(address: str, folder: Path) -> None:
    with pytest.raises(ValueError, match=r"Give a USB camera .* or a video file .* inside .*sources"):
        OpencvDriver.check_address(address.replace("{}", str(folder)), [str(folder)])


def test_without_a_folder_no_file_is_an_address() -> None:
    with pytest.raises(ValueError, match="none is configured"):
        OpencvDriver.check_address("/tmp/sky.mp4", [])


@given(address=st.text(max_size=60))
def test_no_text_leaves_the_folder(address: str) -> None:
    try:
        normal = OpencvDriver.check_address(address, ["/nowhere/sources"])
    except ValueError:
        return
    assert normal.startswith(("/nowhere/sources/", "/dev/video"))


@pytest.mark.parametrize("content", [HLS, CONCAT, SDP, DASH], ids=["hls", "concat", "sdp", "dash"])
@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_a_playlist_with_a_videos_extension_is_not_opened(
    content: str, suffix: str, folder: Path, video_file: str, clock: SystemClock
) -> None:
    trap = folder / f"trap{suffix}"
    trap.write_text(content.replace("{}", video_file))
    error = refusal(trap, clock)
    assert error.permanent
    assert "does not match its extension" in str(error)


def test_a_script_cannot_open_the_file_beside_it(folder: Path, video_file: str, clock: SystemClock) -> None:
    shutil.copy(video_file, folder / "beside.mp4")
    (folder / "trap.mp4").write_text(CONCAT.replace("{}", "beside.mp4"))
    assert "does not match its extension" in str(refusal(folder / "trap.mp4", clock))


def test_a_file_must_match_its_extension(folder: Path, video_file: str, clock: SystemClock) -> None:
    shutil.copy(video_file, folder / "really-mp4.avi")
    assert "does not match its extension" in str(refusal(folder / "really-mp4.avi", clock))


def test_a_folder_with_a_videos_name_is_refused_without_its_path(folder: Path, clock: SystemClock) -> None:
    (folder / "folder.mp4").mkdir()
    before = len(os.listdir("/proc/self/fd"))
    error = refusal(folder / "folder.mp4", clock)
    assert str(folder) not in str(error)
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_error_of_the_disk_does_not_name_the_path_of_the_file(
    camera: OpencvDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VideoFile, "next_frame", Mock(side_effect=OSError(errno.EIO, "Input/output error")))
    with pytest.raises(CameraError, match="The video file does not answer") as error:
        stream(camera)
    assert camera.address not in str(error.value)


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_every_kind_of_file_plays_and_begins_again_at_its_end(
    suffix: str, sources: Path, video_file: str, stepping: SteppingClock
) -> None:
    codec = {".webm": "libvpx", ".mjpg": "mjpeg", ".mjpeg": "mjpeg"}.get(suffix, "copy")
    container = {".mjpg": ["-f", "mjpeg"], ".mjpeg": ["-f", "mjpeg"]}.get(suffix, [])
    ffmpeg("-i", video_file, "-frames:v", "8", "-c:v", codec, *container, sources / f"kind{suffix}")
    driver = OpencvDriver(str(sources / f"kind{suffix}"), stepping)
    driver.open(stepping.monotonic() + 5)
    pictures = [stream(driver).image for _ in range(9)]
    driver.close()
    assert np.array_equal(pictures[0], pictures[8])
    assert not np.array_equal(pictures[0], pictures[7])


def test_a_file_plays_in_its_own_time_over_its_end(camera: OpencvDriver) -> None:
    times = [stream(camera).monotonic for _ in range(45)]
    assert np.diff(times) == pytest.approx(np.full(44, 0.05))


def test_a_picture_is_rgb(sources: Path, stepping: SteppingClock) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=red:size=64x64:rate=5:duration=1", "-pix_fmt", "yuv420p", sources / "red.mp4")
    driver = OpencvDriver(str(sources / "red.mp4"), stepping)
    driver.open(stepping.monotonic() + 5)
    red, green, blue = stream(driver).image.mean(axis=(0, 1))
    driver.close()
    assert red > 240
    assert green < 15
    assert blue < 15


def test_a_late_reader_gets_the_newest_frame(camera: OpencvDriver, stepping: SteppingClock) -> None:
    start = stream(camera).monotonic
    stepping.advance(0.42)
    frames = [stream(camera) for _ in range(2)]
    assert [frame.monotonic - start for frame in frames] == pytest.approx([0.42, 0.45])


def test_after_a_long_pause_the_file_continues_where_it_was(camera: OpencvDriver, stepping: SteppingClock) -> None:
    stream(camera)
    stepping.advance(3600)
    times = [stream(camera).monotonic for _ in range(3)]
    assert np.diff(times) == pytest.approx([0.05, 0.05])


@pytest.fixture
def slow(video_file: str) -> Iterator[OpencvDriver]:
    """A file of 20 frames a second on a machine that decodes fewer."""
    clock = SlowMachineClock()
    driver = OpencvDriver(video_file, clock)
    driver.open(clock.monotonic() + 5)
    clock.step = 0.06
    yield driver
    driver.close()


def test_a_file_that_is_decoded_more_slowly_than_it_plays_still_gives_frames(slow: OpencvDriver) -> None:
    frames = [stream(slow) for _ in range(3)]
    assert np.all(np.diff([frame.monotonic for frame in frames]) < LONGEST_S)


def test_a_still_of_a_slow_file_arrives_in_time(slow: OpencvDriver) -> None:
    assert slow.expose(ExposureRequest(), slow.clock.monotonic() + 30).frame is not None


def test_an_interruption_ends_catching_up_with_a_file(camera: OpencvDriver, stepping: SteppingClock) -> None:
    stepping.advance(0.42)
    stepping.interrupt_at = len(stepping.waits) + 1
    stream(camera)
    assert len(stepping.waits) == stepping.interrupt_at + 1


def test_a_still_is_the_first_frame_after_the_request(camera: OpencvDriver, stepping: SteppingClock) -> None:
    stream(camera)
    stepping.advance(0.07)
    exposure = camera.expose(ExposureRequest(), stepping.monotonic() + 5)
    assert (exposure.ended_ns - exposure.started_ns) / 1e9 == pytest.approx(0.03, abs=1e-3)


def test_a_still_does_not_take_frames_out_of_the_stream(camera: OpencvDriver, stepping: SteppingClock) -> None:
    numbers = [stream(camera).number]
    stepping.advance(0.06)
    exposure = camera.expose(ExposureRequest(), stepping.monotonic() + 5)
    numbers += [stream(camera).number for _ in range(3)]
    assert exposure.frame is not None
    assert exposure.frame.number == 2
    assert numbers == [0, 1, 2, 3]


def test_an_old_still_is_not_a_frame_of_the_stream(camera: OpencvDriver, stepping: SteppingClock) -> None:
    stream(camera)
    exposure = camera.expose(ExposureRequest(), stepping.monotonic() + 5)
    stepping.advance(60)
    assert exposure.frame is not None
    assert stream(camera).number == exposure.frame.number + 1


def test_an_interrupted_still_is_aborted(camera: OpencvDriver, stepping: SteppingClock) -> None:
    stream(camera)
    stepping.interrupt_at = len(stepping.waits)
    with pytest.raises(Aborted):
        camera.expose(ExposureRequest(), stepping.monotonic() + 5)


def test_a_still_that_does_not_arrive_in_time_is_too_slow(camera: OpencvDriver, stepping: SteppingClock) -> None:
    stream(camera)
    with pytest.raises(CameraError) as error:
        camera.expose(ExposureRequest(), stepping.monotonic() + 0.01)
    assert error.value.reason == "too_slow"


def test_a_file_has_a_fixed_size_and_warns_of_another(camera: OpencvDriver, stepping: SteppingClock) -> None:
    applied = camera.apply({"width": 640, "height": 240, "exposure_us": 5}, stepping.monotonic() + 5)
    assert applied.actual == {"fps": 20.0, "width": 320, "height": 240}
    assert applied.warnings == [
        "A video file has no exposure_us; 5 was requested.",
        "The width of this video file is 320; 640 was requested.",
    ]


def test_a_missing_file_is_unreachable_and_may_come_back(folder: Path, clock: SystemClock) -> None:
    error = refusal(folder / "none.mp4", clock)
    assert error.reason == "camera_unreachable"
    assert error.permanent is False
    assert "Restore it" in str(error)


def test_a_file_swapped_for_a_link_is_refused(folder: Path, video_file: str, clock: SystemClock) -> None:
    (folder / "sky.mp4").unlink()
    (folder / "sky.mp4").symlink_to(video_file)
    assert "cannot be opened" in str(refusal(folder / "sky.mp4", clock))


def test_a_folder_swapped_for_a_link_is_refused(folder: Path, video_file: str, clock: SystemClock) -> None:
    (folder / "night").symlink_to(os.path.dirname(video_file))
    assert "was replaced" in str(refusal(folder / "night" / os.path.basename(video_file), clock))


def test_a_pipe_with_a_videos_extension_does_not_hang(folder: Path, clock: SystemClock) -> None:
    os.mkfifo(folder / "pipe.mp4")
    assert "was replaced" in str(refusal(folder / "pipe.mp4", clock))


@pytest.mark.parametrize("address", ["http://127.0.0.1/x.mp4", "sky.mp4", "", "/dev/null"])
def test_an_address_that_was_never_checked_is_not_opened(address: str, clock: SystemClock) -> None:
    assert refusal(address, clock).permanent


def test_an_absent_device_is_unreachable(clock: SystemClock) -> None:
    error = refusal("/dev/video987", clock)
    assert error.reason == "camera_unreachable"
    assert "Plug the camera in" in str(error)


def test_an_empty_file_is_refused(folder: Path, clock: SystemClock) -> None:
    assert "Replace the file" in str(refusal(folder / "sky.mp4", clock))


def test_time_increases_when_the_time_stamps_go_back() -> None:
    line = Timeline(fps=25)
    times = [line.stamp(position) or line.time for position in (0.1, 0.2, 0.1, 0.2, 5000.0, 5000.1)]
    assert times == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_discovery_lists_devices_without_opening_them() -> None:
    assert all(found["address"].startswith("/dev/") for found in OpencvDriver.discover())
