"""One request to a receiver that answers well, badly, slowly or not at all."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest

from core.outgoing import OutgoingGuard
from monitoring.webhooks.client import ANSWER_BYTES, Answer, WebhookClient, retry_after
from monitoring.webhooks.receiver_url import ReceiverUrl
from tests.harness.far_ends.network.encrypted import certificate
from tests.harness.far_ends.webhook_receiver import (
    drip_body,
    drip_headers,
    hang,
    receiving,
    server_context,
    status,
)
from tests.harness.waiting import PATIENCE_S, eventually

ANYWHERE = OutgoingGuard()
SHORT_S = 0.5
"""The deadline for a receiver that does not answer."""
LATE = f"The receiver did not answer within {SHORT_S} s."


def post(
    url: str, deadline_s: float = PATIENCE_S, guard: OutgoingGuard = ANYWHERE, tls: ssl.SSLContext | None = None
) -> Answer:
    return WebhookClient(guard, deadline_s, tls).post(ReceiverUrl.parse(url), b'{"a":1}', {"Skycam-Event": "x"})


def test_a_request_has_the_body_the_headers_and_the_login_of_its_address() -> None:
    with receiving(status(204)) as receiver:
        answer = post(f"http://anna:p%40ss@127.0.0.1:{receiver.port}/a/b?token=abcd")
    [got] = receiver.received
    assert (answer.error, answer.status) == ("", 204)
    assert (got.path, got.body) == ("/a/b?token=abcd", b'{"a":1}')
    assert got.headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert got.headers["Authorization"] == "Basic YW5uYTpwQHNz"
    assert got.headers["Skycam-Event"] == "x"


@pytest.mark.parametrize("code", [400, 404, 410, 429, 500, 503, 304])
def test_another_status_is_a_failure_with_the_beginning_of_the_answer(code: int) -> None:
    with receiving(status(code, b"" if code == 304 else b"no room")) as receiver:
        answer = post(receiver.url)
    assert (answer.status, answer.error) == (code, f"The receiver answered {code}.")
    assert answer.text == ("" if code == 304 else "no room")


def test_a_redirect_is_not_followed_and_its_secrets_are_not_shown() -> None:
    with receiving(status(200)) as other:
        target = f"http://127.0.0.1:{other.port}/new?key=s3cret"
        with receiving(status(302, Location=target)) as receiver:
            answer = post(receiver.url)
    assert other.received == []
    shown = f"http://127.0.0.1:{other.port}/new?key=***"
    assert answer.error == f"The receiver answered 302 and redirects to {shown}. Redirects are not followed."


def test_a_redirect_does_not_show_a_secret_of_the_address() -> None:
    with receiving(status(301, Location="/elsewhere/s3cret")) as receiver:
        assert "redirects to /elsewhere/***." in post(f"{receiver.url}?token=s3cret").error


def test_a_receiver_that_hangs_fails_at_the_deadline() -> None:
    with receiving(hang) as receiver:
        assert post(receiver.url, SHORT_S).error == LATE


def test_an_answer_that_arrives_byte_by_byte_fails_at_the_deadline() -> None:
    with receiving(drip_headers) as receiver:
        assert post(receiver.url, SHORT_S).error == LATE


def test_a_success_counts_although_its_body_never_ends() -> None:
    with receiving(drip_body) as receiver:
        # On a busy machine, even the status may come too late.
        answer = eventually(lambda: found if (found := post(receiver.url, SHORT_S)).status else None)
    assert (answer.error, answer.status) == ("", 200)
    assert answer.text.startswith("xx")


def test_only_the_beginning_of_a_huge_answer_is_read() -> None:
    with receiving(status(200, b"y" * 20_000_000)) as receiver:
        answer = post(receiver.url)
    assert (answer.error, answer.text) == ("", "y" * ANSWER_BYTES)


def test_an_answer_does_not_show_the_secrets_of_the_address_or_control_characters() -> None:
    with receiving(status(500, b"bad token t0k3nt0k3n\x00\x1b[31m for anna")) as receiver:
        answer = post(f"http://127.0.0.1:{receiver.port}/?token=t0k3nt0k3n")
    assert answer.text == "bad token ***\ufffd\ufffd[31m for anna"


def test_a_receiver_that_is_no_web_server_is_a_failure() -> None:
    with receiving(lambda request: request.wfile.write(b"SSH-2.0-x\r\n\r\n")) as receiver:
        assert post(receiver.url).error == "The answer is not HTTP (BadStatusLine)."


def test_a_receiver_that_is_away_is_a_failure() -> None:
    with socket.socket() as bound:  # which does not listen
        bound.bind(("127.0.0.1", 0))
        answer = post(f"http://127.0.0.1:{bound.getsockname()[1]}/")
    assert answer.error == "The receiver cannot be reached (Connection refused)."


@pytest.mark.parametrize(
    ("guard", "error"),
    [
        (OutgoingGuard(refused_ranges=["127.0.0.0/8"]), "The address leads to an address of `network.refused_ranges`"),
        (OutgoingGuard(resolver=lambda *_, **__: []), "The address leads nowhere."),
    ],
    ids=["a refused range", "no address"],
)
def test_a_refused_address_is_not_connected_to(guard: OutgoingGuard, error: str) -> None:
    with receiving(status(200)) as receiver:
        answer = post(f"http://localhost:{receiver.port}/", guard=guard)
    assert receiver.received == []
    assert answer.error.startswith(error)


def test_the_ports_of_the_station_itself_are_refused() -> None:
    with receiving(status(200)) as receiver:
        answer = post(receiver.url, guard=OutgoingGuard(own_ports=[receiver.port]))
    assert receiver.received == []
    assert answer.error.startswith("The address leads to a port of the station itself")


def test_a_name_that_changes_after_the_check_has_no_effect() -> None:
    answers = iter(["127.0.0.1", "169.254.169.254"])

    def rebinding(host: str, port: int, **_: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    with receiving(status(200)) as receiver:
        guard = OutgoingGuard(resolver=rebinding)
        assert post(f"http://lab.example:{receiver.port}/", guard=guard).status == 200
        assert post(f"http://lab.example:{receiver.port}/", guard=guard).error.startswith(
            "The address leads to a cloud"
        )
    assert len(receiver.received) == 1


def test_a_resolver_that_hangs_fails_at_the_deadline() -> None:
    released = threading.Event()

    def slow(*_: object, **__: object) -> list[object]:
        released.wait(PATIENCE_S)
        return []

    answer = post("http://lab.example/", SHORT_S, OutgoingGuard(resolver=slow))
    released.set()
    assert answer.error == LATE


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(status(200)) as receiver, receiving(status(200)) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert post(receiver.url).status == 200
    assert proxy.received == []


def test_a_trusted_certificate_is_accepted(tmp_path: Path) -> None:
    file = certificate(tmp_path, "lab.example")
    with receiving(status(200), server_context(file)) as receiver:
        assert post(receiver.url, tls=ssl.create_default_context(cafile=str(file))).status == 200


def test_a_certificate_that_no_authority_signed_is_refused(tmp_path: Path) -> None:
    with receiving(status(200), server_context(certificate(tmp_path, "lab.example"))) as receiver:
        assert post(receiver.url).error == "The certificate of the receiver is not valid (self-signed certificate)."
    assert receiver.received == []


def test_a_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    file = certificate(tmp_path, "other.example")
    with receiving(status(200), server_context(file)) as receiver:
        answer = post(f"https://localhost:{receiver.port}/", tls=ssl.create_default_context(cafile=str(file)))
    assert receiver.received == []
    assert "Hostname mismatch" in answer.error


def test_a_receiver_without_tls_fails_at_an_https_address() -> None:
    with receiving(status(200)) as receiver:
        answer = post(receiver.url.replace("http:", "https:"))
    assert answer.error.startswith("The encrypted connection failed")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("nan", None),
        ("soon", None),
        (None, None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_a_number_of_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header) == seconds
