"""HTTP authentication of the driver, checked as a camera does it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.base import CameraError, SystemClock
from cameras.drivers.network import NetworkDriver
from cameras.drivers.network.http_client import (
    HttpCredentials,
    SignIn,
    UnsupportedSignIn,
    parse_challenges,
    strongest_challenge,
)
from tests.harness.far_ends.network.digest import Login
from tests.harness.far_ends.network.http import MjpegServer
from tests.harness.far_ends.network.rtsp import header
from tests.harness.waiting import PATIENCE_S

NAME, PASSWORD = "me", "p@ss/w:rd#é"
WRITTEN = "me:p%40ss%2Fw%3Ard%23%C3%A9@"
DIGEST = 'Digest realm="a, \\"camera\\"", nonce="abc"'
BASIC = 'Basic realm="camera"'


class DigestServer(MjpegServer):
    """It sends `challenges`, and accepts a client that answers with `algorithm` as RFC 7616 requires."""

    def __init__(self, challenges: list[str], algorithm: str = "MD5") -> None:
        super().__init__()
        self.challenges = challenges
        self.expected = Login(f"{NAME}:{PASSWORD}", 'a, "camera"', "abc", algorithm)

    def lets_in(self, request: str) -> bool:
        return self.expected.is_answered_by(header(request, "Authorization"), "GET", "/video")


@pytest.fixture(
    params=[
        ([DIGEST], "MD5"),
        ([f'{DIGEST}, qop="auth"'], "MD5"),
        ([f'{DIGEST}, qop="auth,auth-int", algorithm=MD5, opaque="x"'], "MD5"),
        ([f'{DIGEST}, qop="auth-int"'], "MD5"),
        ([f'{DIGEST}, qop="auth", algorithm=SHA-256'], "SHA-256"),
        ([f'{DIGEST}, qop="auth", algorithm="MD5-sess"'], "MD5-sess"),
        ([f"{DIGEST}, algorithm=md5-sess"], "MD5-sess"),
        ([f'{DIGEST}, qop="auth", algorithm=SHA-256-sess'], "SHA-256-sess"),
        ([BASIC, DIGEST], "MD5"),
        ([f"{BASIC}, {DIGEST}"], "MD5"),
        ([f"{DIGEST}, {BASIC}"], "MD5"),
        ([f"{DIGEST}, algorithm=MD5, {BASIC}, {DIGEST}, algorithm=SHA-256"], "SHA-256"),
        ([f"{DIGEST}, algorithm=SHA-256", f"{DIGEST}, algorithm=MD5"], "SHA-256"),
        ([f"Negotiate abc/def==, NTLM, {DIGEST},{BASIC}"], "MD5"),
        ([f"{DIGEST}, algorithm=SHA-512-256", DIGEST], "MD5"),
    ],
    ids=[
        "plain", "auth", "opaque", "auth-int", "SHA-256", "MD5-sess", "MD5-sess without qop", "SHA-256-sess",
        "two lines", "Basic first", "Basic last", "Basic between", "the stronger of two", "among others",
        "one that is known",
    ],
)  # fmt: skip
def camera(request: pytest.FixtureRequest) -> Iterator[DigestServer]:
    with DigestServer(*request.param) as server:
        yield server


def test_a_digest_opens_the_camera(camera: DigestServer, clock: SystemClock) -> None:
    driver = NetworkDriver(camera.with_login(WRITTEN), clock)
    driver.open(clock.monotonic() + PATIENCE_S)
    driver.close()
    assert PASSWORD not in "".join(camera.requests)
    assert not any("Authorization: Basic" in request for request in camera.requests)


def test_a_wrong_password_is_a_permanent_error(camera: DigestServer, clock: SystemClock) -> None:
    with pytest.raises(CameraError, match="refuses the name or the password") as error:
        NetworkDriver(camera.with_login("me:wrong@"), clock).open(clock.monotonic() + PATIENCE_S)
    assert error.value.permanent
    assert len(camera.requests) == 2


@pytest.mark.parametrize(
    "offered",
    [
        ["Negotiate"], ["Digest"], ["Digest ,,=,"], ["Bearer realm=x"], [""], [f"{BASIC},Digest"],
        [f"{DIGEST}, algorithm=SHA-512-256", BASIC], [f"{BASIC}, Digest realm=x, nonce=y, algorithm=z"],
        [f'{BASIC}, {DIGEST}, qop="token"'],
    ],
)  # fmt: skip
def test_a_camera_that_offers_no_known_sign_in_is_told_nothing(offered: list[str], clock: SystemClock) -> None:
    with DigestServer(offered) as server, pytest.raises(CameraError, match="The password was not sent") as error:
        NetworkDriver(server.with_login(WRITTEN), clock).open(clock.monotonic() + PATIENCE_S)
    assert error.value.permanent
    assert [header(request, "Authorization") for request in server.requests] == [""]


def test_the_sentence_about_an_unknown_sign_in_names_what_the_camera_offers() -> None:
    with pytest.raises(UnsupportedSignIn, match=r"^Digest SHA-512-256, Negotiate, Digest$"):
        strongest_challenge([f"{DIGEST}, algorithm=SHA-512-256, Negotiate", 'Digest algorithm="<b>x"'])


@given(
    text=st.lists(st.sampled_from(['"', "\\", ",", "=", " ", "a", "Digest", "Basic", 'nonce="x"', "\r\n"])).map("".join)
)
def test_basic_answers_only_where_no_digest_is_offered(text: str) -> None:
    login = HttpCredentials.of(urlsplit(f"http://{WRITTEN}camera/"))
    assert login is not None
    assert PASSWORD not in repr(login)
    offers_digest = any(one.scheme == "digest" for one in parse_challenges(text))
    with contextlib.suppress(UnsupportedSignIn):
        answer = SignIn(login, [text]).authorization("GET", "/")
        assert answer.startswith("Digest ") == offers_digest
        assert not {"\r", "\n"} & set(answer)


def test_a_camera_cannot_put_lines_into_the_request() -> None:
    challenge = 'Digest realm="x\\"\r\n Evil: y", nonce="a\r\n b"'
    answer = SignIn(HttpCredentials("me", "secret"), [challenge]).authorization("GET", "/")
    assert "\n" not in answer
    assert "\r" not in answer


def test_each_answer_to_a_nonce_is_counted() -> None:
    login = SignIn(HttpCredentials("me", "secret"), [f'{DIGEST}, qop="auth"'])
    counts = [re.findall(r"nc=(\w+)", login.authorization("GET", "/")) for _ in range(2)]
    assert counts == [["00000001"], ["00000002"]]
