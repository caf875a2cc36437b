"""Signing in to RTSP cameras: by FFmpeg where it takes the strongest challenge, else by a relay."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.base import CameraError, SystemClock
from cameras.drivers.network import NetworkDriver
from cameras.drivers.network.addresses import NetworkTimes
from cameras.drivers.network.rtsp_relay import MessageBuffer, NotRtsp, ffmpeg_signs_in
from tests.harness.camera_processes.network_frames import frames
from tests.harness.far_ends.network.encrypted import EncryptedRtspServer
from tests.harness.far_ends.network.rtsp import BASIC, DIGEST, RtspServer, header
from tests.harness.far_ends.network.video import coded
from tests.harness.waiting import PATIENCE_S, eventually

SHA = f"{DIGEST}, algorithm=SHA-256"
MD5 = f"{DIGEST}, algorithm=MD5"
SECRET = "sesame"
IN_CLEAR = base64.b64encode(f"me:{SECRET}".encode()).decode()
PATIENT = NetworkTimes(open_s=PATIENCE_S, first_s=PATIENCE_S, read_s=PATIENCE_S)
Soon = Callable[[], float]

OFFERED = {
    "Basic and Digest in one line": ([f"{BASIC}, {DIGEST}"], "MD5"),
    "Digest and Basic in one line": ([f"{DIGEST}, {BASIC}"], "MD5"),
    "Basic and Digest in two lines": ([BASIC, DIGEST], "MD5"),
    "SHA-256": ([SHA], "SHA-256"),
    "SHA-256 last": ([MD5, SHA], "SHA-256"),
    "SHA-256 first": ([SHA, MD5, BASIC], "SHA-256"),
    "all in one line": ([f'{BASIC}, {MD5}, {SHA}, qop="auth"'], "SHA-256"),
    "MD5-sess": ([f'{DIGEST}, algorithm=MD5-sess, qop="auth"'], "MD5-sess"),
    "SHA-256-sess": ([f'{DIGEST}, algorithm=SHA-256-sess, qop="auth"'], "SHA-256-sess"),
}


@pytest.fixture
def server() -> Iterator[RtspServer]:
    with RtspServer(fps=10, login=f"me:{SECRET}", pictures=coded(40, 10) * 10) as running:
        yield running


@pytest.fixture
def camera(server: RtspServer, clock: SystemClock) -> Iterator[NetworkDriver]:
    camera = NetworkDriver(server.with_login(f"me:{SECRET}@"), clock, PATIENT)
    yield camera
    camera.close()


def signed(server: RtspServer) -> list[str]:
    """The requests with an answer to a challenge."""
    return [request for request in server.requests if header(request, "Authorization")]


@pytest.mark.parametrize("offered", OFFERED)
def test_the_strongest_challenge_opens_the_camera(
    offered: str, server: RtspServer, camera: NetworkDriver, soon: Soon
) -> None:
    server.challenges, server.algorithm = OFFERED[offered]
    camera.open(soon())
    assert len(frames(camera, 2)) == 2
    assert not any(IN_CLEAR in request or SECRET in request for request in server.requests)


def test_a_relay_asks_for_what_the_address_says(server: RtspServer, camera: NetworkDriver, soon: Soon) -> None:
    server.challenges, server.algorithm = [SHA], "SHA-256"
    camera.open(soon())
    targets = {request.split()[0]: request.split()[1] for request in signed(server)}
    assert targets["DESCRIBE"] == server.address
    assert targets["SETUP"] == f"{server.address}/track0"
    assert targets["PLAY"].startswith(server.address)


def test_a_relay_signs_in_again_when_the_camera_has_a_new_nonce(
    server: RtspServer, camera: NetworkDriver, soon: Soon
) -> None:
    server.challenges, server.algorithm = [SHA], "SHA-256"
    server.session = "1;timeout=2"
    camera.open(soon())
    server.nonce = "another"
    # FFmpeg keeps the session alive.
    eventually(lambda: any('nonce="another"' in request for request in signed(server)))
    assert len(frames(camera, 2)) == 2


def test_a_wrong_password_is_refused_once_and_for_all(server: RtspServer, clock: SystemClock, soon: Soon) -> None:
    server.challenges, server.algorithm = [f"{BASIC}, {SHA}"], "SHA-256"
    with pytest.raises(CameraError, match="refuses the name or the password") as error:
        NetworkDriver(server.with_login("me:wrong@"), clock, PATIENT).open(soon())
    assert error.value.permanent
    assert not any(header(request, "Authorization").startswith("Basic") for request in server.requests)


def test_a_sign_in_that_no_one_knows_is_named(server: RtspServer, camera: NetworkDriver, soon: Soon) -> None:
    server.challenges = [f"{DIGEST}, algorithm=SHA-512-256", BASIC]
    with pytest.raises(CameraError, match=r"does not have \(Digest SHA-512-256, Basic\)") as error:
        camera.open(soon())
    assert error.value.permanent
    assert signed(server) == []


def test_a_camera_with_encryption_is_relayed_too(tmp_path: Path, clock: SystemClock, soon: Soon) -> None:
    with EncryptedRtspServer(tmp_path, fps=10, login=f"me:{SECRET}", pictures=coded(40, 10) * 10) as server:
        server.challenges, server.algorithm = [SHA], "SHA-256"
        camera = NetworkDriver(f"{server.with_login(f'me:{SECRET}@')}#unverified", clock, PATIENT)
        camera.open(soon())
        assert len(frames(camera, 2)) == 2
        camera.close()


def test_a_closed_camera_leaves_no_relay(server: RtspServer, camera: NetworkDriver, soon: Soon) -> None:
    server.challenges, server.algorithm = [SHA], "SHA-256"
    camera.open(soon())
    camera.close()
    eventually(lambda: "network-camera-relay" not in {thread.name for thread in threading.enumerate()})


@pytest.mark.parametrize(
    ("challenges", "by_ffmpeg"),
    [
        ([DIGEST], True),
        ([BASIC], True),
        ([BASIC, DIGEST], True),
        ([f"{DIGEST}, algorithm=MD5-sess"], True),
        ([f"{BASIC}, {DIGEST}"], False),
        ([f"Negotiate, {BASIC}"], False),
        ([SHA, MD5], False),
        ([f'{DIGEST}, qop="auth-int"'], False),
    ],
)
def test_ffmpeg_signs_in_where_it_takes_the_strongest(challenges: list[str], by_ffmpeg: bool) -> None:
    assert ffmpeg_signs_in(challenges) == by_ffmpeg


messages = st.one_of(
    st.binary(max_size=300).map(lambda media: b"$\0" + len(media).to_bytes(2) + media),
    st.binary(max_size=300).map(lambda body: f"RTSP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body),
    st.just(b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n\r\n"),
)


@given(sent=st.lists(messages, max_size=20), size=st.integers(1, 700))
def test_messages_and_media_are_told_apart_however_they_arrive(sent: list[bytes], size: int) -> None:
    stream, buffer = b"".join(sent), MessageBuffer()
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert [found for piece in pieces for found in buffer.feed(piece)] == sent


@pytest.mark.parametrize("piece", [b"", b"x" * 70_000, b"RTSP/1.0 200 OK\r\nContent-Length: 999999999\r\n\r\n"])
def test_a_stream_that_is_no_rtsp_ends_the_relay(piece: bytes) -> None:
    with pytest.raises(NotRtsp):
        MessageBuffer().feed(piece)
