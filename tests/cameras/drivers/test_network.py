"""Network cameras: the real FFmpeg, with real servers that stall, end, refuse, and send garbage."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from cameras.drivers.base import Aborted, CameraError, ExposureRequest, FrameData, SystemClock
from cameras.drivers.network import NetworkDriver, reader
from cameras.drivers.network.addresses import NetworkTimes
from core.outgoing import OutgoingGuard
from tests.harness.camera_processes.network_frames import frames, number
from tests.harness.far_ends.network.encrypted import Encrypted, EncryptedRtspServer, EncryptedServer
from tests.harness.far_ends.network.http import (
    BareStreamServer,
    HevcServer,
    HugeServer,
    MjpegServer,
    NoisyHevcServer,
    PlaylistServer,
    TransportStreamServer,
    UnknownVideoServer,
    UnmeasuredServer,
)
from tests.harness.far_ends.network.rtsp import RtspServer
from tests.harness.far_ends.network.server import Server
from tests.harness.far_ends.network.video import huge_jpeg, picture
from tests.harness.waiting import PATIENCE_S, eventually

SERVERS: list[type[Server]] = [RtspServer, MjpegServer, TransportStreamServer]
ALL: list[type[Server]] = [*SERVERS, UnmeasuredServer, BareStreamServer]
every_server = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
every_codec = pytest.mark.parametrize("kind", [*ALL, NoisyHevcServer], ids=lambda kind: kind.__name__)
Soon = Callable[[], float]


class Opened(Protocol):
    def __call__(self, address: str, times: NetworkTimes | None = None) -> NetworkDriver: ...


IMPATIENT = NetworkTimes(read_s=1.2, pictureless_s=2.0, check_every_s=1.0)
HANG_S = 3600.0
"""Longer than a test may take."""
STREAMING = NetworkTimes(streaming_s=HANG_S)
"""However busy the machine is, a reader counts as one that wants every frame."""


@pytest.fixture(params=SERVERS, ids=lambda server: server.__name__)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with request.param() as running:
        yield running


@pytest.fixture
def rtsp() -> Iterator[RtspServer]:
    with RtspServer() as running:
        yield running


@pytest.fixture
def opened(clock: SystemClock, soon: Soon) -> Iterator[Opened]:
    cameras: list[NetworkDriver] = []

    def open_(address: str, times: NetworkTimes | None = None) -> NetworkDriver:
        cameras.append(NetworkDriver(address, clock, times))
        cameras[-1].open(soon())
        return cameras[-1]

    yield open_
    for camera in cameras:
        camera.close()


def read_all(camera: NetworkDriver, server: Server, found: FrameData, held: int = 0) -> FrameData:
    """Read frames after `found` until all that the server has sent has arrived; the last one.

    `held`: how many stay in the decoder until the next packet comes.
    """
    newest = sorted(server.sent.values())[-1 - held]
    while server.sent[number(found)] < newest:
        found = frames(camera, 1)[0]
    return found


def is_whole(frame: FrameData) -> bool:
    difference = np.abs(frame.image.astype(int) - picture(number(frame))) if number(frame) >= 0 else np.array(255)
    return bool(difference.mean() < 10)


def trouble(camera: NetworkDriver) -> CameraError:
    """The error that ends the stream; it contains no damaged picture before that."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            frame = camera.frame(camera.clock.monotonic() + 2)
        except CameraError as error:
            return error
        assert frame is None or is_whole(frame)
    raise AssertionError("The stream did not end.")


def refusal(
    address: str, clock: SystemClock, patience: float = PATIENCE_S, times: NetworkTimes | None = None
) -> CameraError:
    with pytest.raises(CameraError) as error:
        NetworkDriver(address, clock, times).open(clock.monotonic() + patience)
    return error.value


@every_server
def test_a_stream_is_complete_and_in_order(kind: type[Server], opened: Opened) -> None:
    with kind() as server:
        numbers = [number(frame) for frame in frames(opened(server.address, STREAMING), 12)]
    assert set(np.diff(numbers)) == {1}


@pytest.mark.parametrize("content_type", ["video/mp2t", "application/octet-stream"])
def test_a_stream_of_small_pictures_opens(content_type: str, opened: Opened) -> None:
    """FFmpeg would look for more streams until it has read some megabytes."""
    with HevcServer(fps=10) as server:
        server.content_type = content_type
        server.piece(0)
        assert number(frames(opened(server.address), 1)[0]) >= 0


@every_server
def test_a_still_was_captured_after_its_request(kind: type[Server], opened: Opened, soon: Soon) -> None:
    with kind(fps=10) as server:
        camera = opened(server.address, NetworkTimes(streaming_s=0.0))
        before = read_all(camera, server, frames(camera, 1)[0])
        still = camera.expose(ExposureRequest(), soon())
    assert server.sent[number(still.frame)] > server.sent[number(before)]


@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.__name__)
def test_a_still_is_a_frame_of_the_stream_as_well(kind: type[Server], opened: Opened, soon: Soon) -> None:
    with kind(fps=10) as server:
        camera = opened(server.address, STREAMING)
        seen = frames(camera, 3)
        still = camera.expose(ExposureRequest(), soon())
        later = frames(camera, number(still.frame) - number(seen[-1]) + 3)
        numbers = [number(frame) for frame in seen + later]
    assert set(np.diff(numbers)) == {1}
    assert number(still.frame) in numbers


def test_a_frame_says_when_it_was_captured(server: Server, opened: Opened) -> None:
    seen = frames(opened(server.address), 10)
    assert min(frame.monotonic - server.due[number(frame)] for frame in seen) > -0.06
    assert max(frame.monotonic for frame in seen) < time.monotonic()
    by_the_wall = time.time() - time.monotonic() + seen[-1].monotonic
    assert seen[-1].captured_ns / 1e9 == pytest.approx(by_the_wall, abs=PATIENCE_S)


def test_nothing_is_decoded_while_no_one_wants_pictures(rtsp: RtspServer, opened: Opened, soon: Soon) -> None:
    camera = opened(rtsp.address)
    before, seen = camera.last_decoded, len(rtsp.sent)
    eventually(lambda: len(rtsp.sent) > seen + 25)
    assert camera.last_decoded == before
    assert number(camera.expose(ExposureRequest(), soon()).frame) > seen
    assert rtsp.clients == 1


def test_a_reader_that_returns_to_the_stream_gets_the_newest_frame(rtsp: RtspServer, opened: Opened) -> None:
    camera = opened(rtsp.address)
    left_at = number(frames(camera, 2)[-1])
    eventually(lambda: max(rtsp.sent) > left_at + 60)
    # Not the next one. A busy machine may not have received all that were sent.
    assert number(frames(camera, 1)[0]) > left_at + 10


def test_frames_skipped_while_no_one_reads_are_counted(opened: Opened) -> None:
    with MjpegServer() as server:
        camera = opened(server.address)
        left_at = frames(camera, 2)[-1]
        eventually(lambda: max(server.sent) > number(left_at) + 60)
        found = frames(camera, 3)
    assert found[0].missed > 10
    assert sum(frame.missed for frame in found) == found[-1].number - left_at.number - len(found)


def test_a_stream_that_ends_is_a_disconnect(server: Server, opened: Opened) -> None:
    camera = opened(server.address)
    frames(camera, 2)
    server.mood = "end"
    error = trouble(camera)
    assert error.reason == "camera_unreachable"
    assert error.permanent is False


def test_a_server_that_is_killed_is_a_disconnect_without_a_stream(server: Server, opened: Opened, soon: Soon) -> None:
    camera = opened(server.address)
    server.hang_up()
    eventually(lambda: ends(lambda: camera.check_alive(soon())))
    assert ends(lambda: camera.expose(ExposureRequest(), camera.clock.monotonic() + PATIENCE_S))


def test_a_stalled_stream_is_unreachable(rtsp: RtspServer, opened: Opened) -> None:
    camera = opened(rtsp.address, IMPATIENT)
    frames(camera, 2)
    rtsp.mood = "stall"
    assert trouble(camera).reason == "camera_unreachable"


def test_a_stream_that_stalls_inside_a_picture_gives_no_half_picture(server: Server, opened: Opened) -> None:
    camera = opened(server.address, IMPATIENT)
    frames(camera, 2)
    server.mood = "stall inside"
    assert trouble(camera).reason == "camera_unreachable"


@every_server
def test_a_stream_that_ends_inside_a_picture_gives_no_half_picture(kind: type[Server], opened: Opened) -> None:
    with kind() as server:
        camera = opened(server.address)
        frames(camera, 2)
        server.mood = "end inside"
        assert trouble(camera).reason == "camera_unreachable"


@every_codec
def test_a_half_picture_that_is_read_late_is_refused_as_well(
    kind: type[Server], opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a busy machine: the time between two packets says nothing."""
    monkeypatch.setattr(reader, "LIVE_S", 0.0)
    with kind() as server:
        camera = opened(server.address)
        frames(camera, 2)
        server.mood = "end inside"
        assert trouble(camera).reason == "camera_unreachable"


def test_a_still_is_not_taken_from_before_a_stall(rtsp: RtspServer, opened: Opened) -> None:
    camera = opened(rtsp.address, IMPATIENT)
    seen = frames(camera, 2)[-1]
    rtsp.mood = "stall"
    eventually(lambda: time.monotonic() > max(rtsp.sent.values()) + 0.2)  # the last one is on its way, too
    read_all(camera, rtsp, seen, held=1)
    with pytest.raises(CameraError) as error:
        camera.expose(ExposureRequest(), camera.clock.monotonic() + PATIENCE_S)
    assert error.value.reason == "camera_unreachable"


def test_garbage_in_the_stream_is_never_a_picture(server: Server, opened: Opened) -> None:
    camera = opened(server.address, IMPATIENT)
    frames(camera, 2)
    server.mood = "rubbish"
    assert trouble(camera).reason == "camera_unreachable"


@pytest.mark.slow
def test_garbage_is_noticed_while_no_one_watches(server: Server, opened: Opened, soon: Soon) -> None:
    camera = opened(server.address, IMPATIENT)
    server.mood = "rubbish"
    eventually(lambda: ends(lambda: camera.check_alive(soon())))


def test_one_picture_is_decoded_at_intervals_while_no_one_watches(server: Server, opened: Opened, soon: Soon) -> None:
    camera = opened(server.address, IMPATIENT)
    before = camera.last_decoded

    def has_decoded() -> bool:
        camera.check_alive(soon())
        return camera.last_decoded > before

    eventually(has_decoded)


@pytest.mark.parametrize("mood", ["rubbish", "end", "stall"])
def test_a_source_without_a_picture_does_not_open(server: Server, mood: str, clock: SystemClock) -> None:
    server.mood = mood
    error = refusal(server.address, clock, times=NetworkTimes(open_s=1.0, first_s=0.5))
    assert error.reason == "camera_unreachable"
    assert error.permanent is False


def test_a_camera_without_video_is_reported(rtsp: RtspServer, clock: SystemClock) -> None:
    rtsp.mood = "no video"
    assert "sends no video" in str(refusal(rtsp.address, clock))


def test_video_that_cannot_be_decoded_is_reported(clock: SystemClock) -> None:
    with UnknownVideoServer() as server:
        error = refusal(server.address, clock, times=NetworkTimes(open_s=2.0))
    assert "sends no video in a format that Skycam opens" in str(error)


def test_a_silent_server_is_given_up(server: Server, clock: SystemClock) -> None:
    server.mood = "mute"
    error = refusal(server.address, clock, patience=HANG_S, times=NetworkTimes(open_s=1.0))
    assert error.reason == "camera_unreachable"


def test_opening_respects_its_deadline(clock: SystemClock) -> None:
    with RtspServer(mood="mute") as server:
        refusal(server.address, clock, patience=0.5, times=NetworkTimes(open_s=HANG_S))


def test_a_refused_connection_says_what_to_check(clock: SystemClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = refusal(f"rtsp://viewer:secret@127.0.0.1:{port}/live", clock)
    assert str(error) == "The camera refuses the connection. Is the camera on, and is the port right?"
    assert error.reason == "camera_unreachable"


@pytest.mark.parametrize("how", ["Digest", "Basic"])
def test_a_password_of_any_characters_opens_the_camera(how: str, opened: Opened) -> None:
    with RtspServer(login="me:p@ss/w:rd#?*%é", scheme_of_login=how) as server:
        address = NetworkDriver.check_address(server.with_login("me:p%40ss%2Fw%3Ard%23%3F%2A%25%C3%A9@"), [])
        assert len(frames(opened(address), 2)) == 2


@pytest.mark.parametrize("kind", [RtspServer, MjpegServer])
def test_a_wrong_password_is_a_permanent_error(kind: type[RtspServer | MjpegServer], clock: SystemClock) -> None:
    with kind(login="me:right") as server:
        error = refusal(server.with_login("me:wrong-secret@"), clock)
    assert error.permanent
    assert str(error) == ("The camera refuses the name or the password. Save the camera's address with the right ones.")


def test_a_camera_that_requires_a_password_says_how_to_enter_it(clock: SystemClock) -> None:
    with RtspServer(login="me:right") as server:
        assert "asks for a name and a password. Save the camera's address with them" in str(
            refusal(server.address, clock)
        )


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("403 Forbidden", "does not allow this user"),
        ("404 Not Found", "has no such stream"),
        ("410 Gone", "refuses the request"),
        ("503 Service Unavailable", "an internal error"),
    ],
)
def test_each_http_status_has_a_message(status: str, sentence: str, clock: SystemClock) -> None:
    with MjpegServer(status=status) as server:
        assert sentence in str(refusal(server.address, clock))


@pytest.mark.parametrize("login", ["me:sesame", "me:se%2Fsame"])
@pytest.mark.parametrize("mood", ["good", "end", "mute", "rubbish"])
def test_no_trace_of_an_error_holds_the_password(
    login: str, mood: str, clock: SystemClock, capfd: pytest.CaptureFixture[str]
) -> None:
    with MjpegServer(mood=mood, login="me:other") as server:
        error = refusal(server.with_login(f"{login}@"), clock, times=NetworkTimes(open_s=0.5))
    trace = "".join(traceback.format_exception(error)) + repr(error.__dict__) + "".join(capfd.readouterr())
    assert error.__cause__ is error.__context__ is None
    assert "same" not in trace


@pytest.mark.parametrize("kind", [EncryptedServer, EncryptedRtspServer])
def test_an_unknown_certificate_is_trusted_only_with_unverified(
    kind: type[Encrypted], tmp_path: Path, clock: SystemClock, opened: Opened
) -> None:
    with kind(tmp_path) as server:
        assert "end its address with #unverified" in str(refusal(server.address, clock))
        assert len(frames(opened(f"{server.address}#unverified"), 2)) == 2


@pytest.mark.parametrize("kind", [EncryptedServer, EncryptedRtspServer])
def test_a_certificate_is_that_of_the_name_in_the_address(
    kind: type[Encrypted], tmp_path: Path, clock: SystemClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "camera.pem"))
    with kind(tmp_path, name="camera.invalid") as server:
        by_name = NetworkDriver(server.address.replace("127.0.0.1", "camera.invalid"), clock)
        by_name.set_connection_guard(OutgoingGuard(resolver=at_loopback))
        by_name.open(clock.monotonic() + PATIENCE_S)
        by_name.close()
        other = NetworkDriver(server.address.replace("127.0.0.1", "other.invalid"), clock)
        other.set_connection_guard(OutgoingGuard(resolver=at_loopback))
        with pytest.raises(CameraError, match="end its address with #unverified"):
            other.open(clock.monotonic() + PATIENCE_S)


def test_a_web_server_with_many_names_gets_the_right_one(
    tmp_path: Path, clock: SystemClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EncryptedServer(tmp_path) as server:
        camera = NetworkDriver(f"{server.address.replace('127.0.0.1', 'camera.invalid')}#unverified", clock)
        camera.set_connection_guard(OutgoingGuard(resolver=at_loopback))
        camera.open(clock.monotonic() + PATIENCE_S)
        camera.close()
    assert server.requested_names == ["camera.invalid"]
    assert f"Host: camera.invalid:{server.port}\r" in server.requests[0]


def test_a_playlist_cannot_open_a_file_of_the_station(clock: SystemClock) -> None:
    with PlaylistServer() as server:
        assert "does not send video in a format that Skycam opens" in str(refusal(server.address, clock))


def test_a_redirection_cannot_open_a_file_of_the_station(clock: SystemClock, video_file: str) -> None:
    with MjpegServer(status=f"302 Found\r\nLocation: file://{video_file}") as server:
        assert refusal(server.address, clock).reason == "camera_unreachable"


def test_a_redirection_cannot_lead_to_another_server(clock: SystemClock) -> None:
    with MjpegServer() as other, MjpegServer(status=f"302 Found\r\nLocation: {other.address}") as server:
        assert "A redirection to another address is not followed" in str(refusal(server.address, clock))
    assert not other.clients


@pytest.mark.parametrize("method", ["OPTIONS", "DESCRIBE"])
def test_a_redirection_of_an_rtsp_camera_is_an_error_and_not_followed(method: str, clock: SystemClock) -> None:
    with RtspServer() as other, RtspServer(redirects={method: other.address}) as server:
        error = refusal(server.address, clock)
    assert "A redirection to another address is not followed" in str(error)
    assert other.clients == 0
    assert error.reason == "camera_unreachable"


@pytest.mark.parametrize("scheme", ["rtsp", "RTSP", "rtsps", "tcp", "rtp", "tls", "http", "satip", ""])
@pytest.mark.parametrize("method", ["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "REDIRECT"])
def test_a_redirection_cannot_lead_the_password_to_another_server(method: str, scheme: str, clock: SystemClock) -> None:
    with RtspServer(login="me:other", scheme_of_login="Basic") as other:
        leads_to = other.address.replace("rtsp:", f"{scheme}:".removeprefix(":"))
        with RtspServer(redirects={method: leads_to}, login="me:sesame", scheme_of_login="Basic") as server:
            camera = NetworkDriver(server.with_login("me:sesame@"), clock, NetworkTimes(read_s=1.2))
            with contextlib.suppress(CameraError):
                camera.open(clock.monotonic() + PATIENCE_S)
                frames(camera, 20)
            camera.close()
    assert server.requests
    assert other.clients == 0
    assert other.requests == []


@pytest.mark.parametrize("address", ["rtsp://{}:554/live", "http://{}/video", "tcp://{}:5000", "https://{}/video"])
@pytest.mark.parametrize("host", ["169.254.169.254", "0.0.0.0", "[::ffff:169.254.169.254]", "2130706433", "127.1"])
def test_an_address_that_leads_to_no_camera_is_refused_permanently(address: str, host: str, clock: SystemClock) -> None:
    error = refusal(address.format(host), clock)
    assert error.permanent
    assert "which is refused" in str(error) or "neither a name nor an IP address" in str(error)


@pytest.mark.parametrize("kind", [RtspServer, MjpegServer, BareStreamServer])
def test_the_stations_own_ports_are_refused_in_the_same_words_whatever_listens_there(
    kind: type[Server], clock: SystemClock
) -> None:
    with kind() as server:
        sentence = refusal_of_guarded(server, clock)
    assert refusal_of_guarded(server, clock) == sentence
    assert "of the station itself, which is always refused" in sentence
    assert server.clients == 0


@pytest.mark.parametrize("kind", [RtspServer, MjpegServer, BareStreamServer])
def test_a_camera_is_looked_up_once_and_opened_where_that_led(
    kind: type[Server], opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine cannot resolve this name: a second lookup would fail."""
    lookups = list[str]()

    def resolver(host: str, port: int, **_: object) -> list[object]:
        lookups.append(host)
        return at_loopback(host, port)

    with kind() as server:
        camera = NetworkDriver(server.address.replace("127.0.0.1", "camera.invalid"), SystemClock())
        camera.set_connection_guard(OutgoingGuard(resolver=resolver))
        camera.open(time.monotonic() + PATIENCE_S)
        assert len(frames(camera, 2)) == 2
        camera.close()
    assert lookups == ["camera.invalid"]


def test_a_picture_that_would_fill_the_memory_is_not_decoded(clock: SystemClock) -> None:
    huge_jpeg()
    with HugeServer(fps=4) as server:
        error = refusal(server.address, clock, patience=PATIENCE_S, times=NetworkTimes(first_s=1.0))
    assert "cannot be decoded into a picture" in str(error)


@pytest.mark.parametrize("address", ["", "file:///etc/passwd", "/etc/passwd", "RTSP://host/x", "concat:a|b"])
def test_an_address_that_was_never_checked_is_not_opened(address: str, clock: SystemClock) -> None:
    error = refusal(address, clock)
    assert error.permanent
    assert address == "" or address not in str(error)


def test_an_address_whose_password_was_lost_says_what_to_do(clock: SystemClock) -> None:
    error = refusal("rtsp://me:***@127.0.0.1/live", clock)
    assert error.permanent
    assert "its key is lost or was replaced" in str(error)


def test_after_a_disconnect_the_camera_opens_again(server: Server, opened: Opened, soon: Soon) -> None:
    camera = opened(server.address)
    server.hang_up()
    eventually(lambda: ends(lambda: camera.check_alive(soon())))
    camera.open(soon())
    assert number(frames(camera, 1)[0]) >= 0


def test_a_closed_camera_leaves_no_thread(server: Server, opened: Opened) -> None:
    opened(server.address).close()
    eventually(lambda: "network-camera" not in {thread.name for thread in threading.enumerate()})


def test_an_interrupted_still_is_aborted(rtsp: RtspServer, clock: SystemClock, soon: Soon) -> None:
    camera = NetworkDriver(rtsp.address, InterruptedClock())
    camera.open(soon())
    with pytest.raises(Aborted):
        camera.expose(ExposureRequest(), soon())
    assert camera.frame(soon()) is None
    camera.close()


class InterruptedClock(SystemClock):
    def wait(self, seconds: float) -> bool:
        return True


def at_loopback(host: str, port: int, **_: object) -> list[object]:
    """Resolve every name to this machine."""
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


def refusal_of_guarded(server: Server, clock: SystemClock) -> str:
    camera = NetworkDriver(server.address, clock)
    camera.set_connection_guard(OutgoingGuard(own_ports=[server.port]))
    with pytest.raises(CameraError) as error:
        camera.open(clock.monotonic() + PATIENCE_S)
    assert error.value.permanent
    return str(error.value)


def ends(call: Callable[[], object]) -> bool:
    try:
        call()
    except CameraError as error:
        return error.reason == "camera_unreachable"
    return False
