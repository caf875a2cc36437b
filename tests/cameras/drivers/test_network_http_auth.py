"""HTTP authentication of the driver, checked as a camera does it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from cameras.drivers.base import CameraError, SystemClock
from cameras.drivers.network import NetworkDriver
from cameras.drivers.network.http_auth import HttpCredentials
from tests.harness.far_ends.network.http import MjpegServer
from tests.harness.far_ends.network.rtsp import header
from tests.harness.waiting import PATIENCE_S

NAME, PASSWORD = "me", "p@ss/w:rd#é"
WRITTEN = "me:p%40ss%2Fw%3Ard%23%C3%A9@"
FIELDS = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
HASHES: dict[str, Callable[[bytes], hashlib._Hash]] = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class DigestServer(MjpegServer):
    """It sends `challenges`, and accepts a client that answers one of them as RFC 7616 requires."""

    def __init__(self, challenges: list[str], algorithm: str = "MD5") -> None:
        super().__init__()
        self.challenges, self.algorithm = challenges, algorithm

    def lets_in(self, request: str) -> bool:
        given = header(request, "Authorization")
        fields = {name: quoted or plain for name, quoted, plain in FIELDS.findall(given)}
        if not given.startswith("Digest ") or fields["uri"] != "/video":
            return False
        secret = self._hashed(f"{NAME}:{REALM}:{PASSWORD}")
        request_hash = self._hashed(f"GET:{fields['uri']}")
        middle = [fields[name] for name in ("nc", "cnonce", "qop") if name in fields]
        return fields["response"] == self._hashed(":".join([secret, "abc", *middle, request_hash]))

    def _hashed(self, text: str) -> str:
        return HASHES[self.algorithm](text.encode()).hexdigest()


REALM = 'a, "camera"'
DIGEST = 'Digest realm="a, \\"camera\\"", nonce="abc"'


@pytest.fixture(
    params=[
        ([DIGEST], "MD5"),
        ([f'{DIGEST}, qop="auth"'], "MD5"),
        ([f'{DIGEST}, qop="auth,auth-int", algorithm=MD5, opaque="x"'], "MD5"),
        ([f'{DIGEST}, qop="auth", algorithm=SHA-256'], "SHA-256"),
        (['Basic realm="camera"', DIGEST], "MD5"),
        ([f"{DIGEST}, algorithm=SHA-512-256", DIGEST], "MD5"),
    ],
    ids=["plain", "auth", "opaque", "SHA-256", "the better of two", "one that is known"],
)
def camera(request: pytest.FixtureRequest) -> Iterator[DigestServer]:
    with DigestServer(*request.param) as server:
        yield server


def test_a_digest_opens_the_camera(camera: DigestServer, clock: SystemClock) -> None:
    driver = NetworkDriver(camera.with_login(WRITTEN), clock)
    driver.open(clock.monotonic() + PATIENCE_S)
    driver.close()
    assert PASSWORD not in "".join(camera.requests)
    assert not any("Basic" in request for request in camera.requests)


def test_a_wrong_password_is_a_permanent_error(camera: DigestServer, clock: SystemClock) -> None:
    with pytest.raises(CameraError, match="refuses the name or the password") as error:
        NetworkDriver(camera.with_login("me:wrong@"), clock).open(clock.monotonic() + PATIENCE_S)
    assert error.value.permanent
    assert len(camera.requests) == 2


@pytest.mark.parametrize("challenges", [[], ["Negotiate"], ["Digest"], ["Digest ,,=,"], ["Bearer realm=x"], [""]])
def test_an_unknown_challenge_is_not_answered_with_the_password(challenges: list[str]) -> None:
    login = HttpCredentials.of(urlsplit(f"http://{WRITTEN}camera/"))
    assert login is not None
    assert "Basic" not in login.authorization(challenges, "GET", "/")
    assert PASSWORD not in repr(login)


def test_a_camera_cannot_put_lines_into_the_request() -> None:
    challenge = 'Digest realm="x\\"\r\n Evil: y", nonce="a\r\n b"'
    answer = HttpCredentials("me", "secret").authorization([challenge], "GET", "/")
    assert "\n" not in answer
    assert "\r" not in answer
