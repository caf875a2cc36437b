"""The contract of all kinds of channels, against the real far end of each."""

from __future__ import annotations

import json
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.outgoing import OutgoingGuard
from monitoring.notifications.channels.base import CHANNEL_KINDS, SendResult, channel_class
from monitoring.notifications.channels.mail import MailChannel, MailSettings
from monitoring.notifications.channels.mqtt import MqttChannel, MqttSettings, discovery_config, topic_part
from monitoring.notifications.message import Attachment, Notification, NotifiedAlert
from tests.harness.far_ends.mail_server import PASSWORD, mail_server
from tests.harness.far_ends.mqtt_broker import mqtt_broker
from tests.harness.far_ends.network.encrypted import certificate
from tests.harness.far_ends.webhook_receiver import Received, in_turn, receiving, status
from tests.harness.waiting import PATIENCE_S

ANYWHERE = OutgoingGuard()
SHORT_S = 0.5
"""The deadline for a far end that hangs."""
NOWHERE = OutgoingGuard(refused_ranges=["127.0.0.0/8"])
AT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SECRETS = {
    "mail": {"password": PASSWORD},
    "webhook": {"secret": "0123456789abcdef"},
    "ntfy": {"topic": "sky-0123456789", "token": "tk_0123456789"},
    "telegram": {"token": "12345:AAAAAAAAAAAAAAAAAAAAAAAAAA"},
    "matrix": {"access_token": "syt_0123456789"},
    "mqtt": {"password": "s3cret of the broker"},
    "command": {},
}
NETWORK = [kind for kind in CHANNEL_KINDS if kind != "command"]


def alert(**values: Any) -> NotifiedAlert:
    given: dict[str, Any] = {
        "id": "a", "key": "camera.quarantined:sky", "severity": "critical", "state": "open", "camera": "sky",
        "host": "main", "message": "Check the camera.", "opened_at": AT, "resolved_at": None, "count": 1,
        "link": "https://sky.example.org/alerts/link/x/",
    }  # fmt: skip
    return NotifiedAlert(**{**given, **values})


MESSAGE = Notification("019d", "opened", "Skycam", (alert(),))


def values_of(kind: str, port: int) -> dict[str, Any]:
    server = f"http://127.0.0.1:{port}"
    plain: dict[str, dict[str, Any]] = {
        "mail": {
            "host": "127.0.0.1", "port": port, "security": "none", "sender": "sky@example.org",
            "recipients": ["anna@example.org"],
        },
        "webhook": {"url": f"{server}/hook"},
        "ntfy": {"server": server},
        "telegram": {"server": server, "chat_id": "-42"},
        "matrix": {"server": server, "room": "!room:example.org"},
        "mqtt": {"host": "127.0.0.1", "port": port, "tls": False, "user": "skycam"},
        "command": {"command": [sys.executable, "-c", UPLOAD, str(port)]},
    }  # fmt: skip
    return {**plain[kind], **SECRETS[kind]}


def send(
    kind: str,
    port: int,
    message: Notification = MESSAGE,
    deadline_s: float = PATIENCE_S,
    guard: OutgoingGuard = ANYWHERE,
) -> SendResult:
    found = channel_class(kind)
    return found(found.settings_model.model_validate(values_of(kind, port)), guard, deadline_s).send(message)


@contextmanager
def mail_end(_folder: Path) -> Iterator[tuple[int, Callable[[], str]]]:
    with mail_server() as box:
        yield box.port, lambda: box.mails[0].as_string()


@contextmanager
def http_end(_folder: Path) -> Iterator[tuple[int, Callable[[], str]]]:
    with receiving(status(200)) as receiver:
        yield receiver.port, lambda: receiver.received[0].body.decode()


@contextmanager
def mqtt_end(folder: Path) -> Iterator[tuple[int, Callable[[], str]]]:
    with mqtt_broker(folder, SECRETS["mqtt"]["password"]) as broker:
        yield broker.port, lambda: json.dumps(broker.retained())


UPLOAD = """
import sys, urllib.request
urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/", sys.stdin.buffer.read()).close()
"""
"""A program that sends its standard input to a port."""


FAR_ENDS: dict[str, Callable[[Path], AbstractContextManager[tuple[int, Callable[[], str]]]]] = {
    "mail": mail_end, "webhook": http_end, "ntfy": http_end, "telegram": http_end, "matrix": http_end,
    "mqtt": mqtt_end, "command": http_end,
}  # fmt: skip


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken, and refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_every_kind_is_tested() -> None:
    assert set(FAR_ENDS) == set(SECRETS) == set(CHANNEL_KINDS)


@pytest.mark.parametrize("kind", CHANNEL_KINDS)
def test_a_message_reaches_the_far_end(kind: str, tmp_path: Path) -> None:
    with FAR_ENDS[kind](tmp_path) as (port, received):
        result = send(kind, port)
        assert (result.error, bool(result.detail)) == ("", True)
        assert "Check the camera." in received()


@pytest.mark.parametrize("kind", NETWORK)
def test_a_far_end_that_is_away_is_an_error_and_no_exception(kind: str, closed_port: int) -> None:
    assert "cannot be reached" in send(kind, closed_port).error


@pytest.mark.parametrize("kind", NETWORK)
def test_a_far_end_that_hangs_ends_at_the_deadline(kind: str, silent_port: int) -> None:
    assert f"did not answer within {SHORT_S} s" in send(kind, silent_port, deadline_s=SHORT_S).error


@pytest.mark.parametrize("kind", NETWORK)
def test_an_address_that_the_guard_refuses_gets_no_connection(kind: str, silent_port: int) -> None:
    assert "which is refused" in send(kind, silent_port, guard=NOWHERE).error


@pytest.mark.parametrize("kind", CHANNEL_KINDS)
def test_no_secret_is_shown(kind: str) -> None:
    settings = channel_class(kind).settings_model.model_validate(values_of(kind, 1000))
    shown = json.dumps(settings.shown()) + repr(settings)
    assert [secret for secret in SECRETS[kind].values() if secret in shown] == []


@pytest.mark.parametrize("kind", CHANNEL_KINDS)
def test_a_refused_setting_does_not_quote_a_secret(kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        channel_class(kind).settings_model.model_validate({**values_of(kind, 1000), "unknown": "s3cret"})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("kind", CHANNEL_KINDS)
def test_hostile_text_of_an_alert_is_sent_as_text(kind: str, tmp_path: Path) -> None:
    hostile = "a\r\nBcc: eve@example.org\x00\u202e<b>" + "x" * 5000
    message = Notification("019d", "opened", "Sky\r\ncam", (alert(message=hostile, key="k/+#\n"),))
    with FAR_ENDS[kind](tmp_path) as (port, received):
        assert send(kind, port, message).error == ""
        assert "\nBcc:" not in received()


def mail(port: int, **values: Any) -> MailChannel:
    return MailChannel(MailSettings.model_validate({**values_of("mail", port), **values}), ANYWHERE, PATIENCE_S)


def trusting(channel: MailChannel, file: Path) -> MailChannel:
    channel.tls = ssl.create_default_context(cafile=str(file))
    return channel


@pytest.mark.parametrize(("security", "implicit"), [("starttls", False), ("tls", True)])
def test_a_mail_is_sent_over_tls(security: str, implicit: bool, tmp_path: Path) -> None:
    file = certificate(tmp_path, "mail.example")
    login = {} if implicit else {"user": "skycam"}
    with mail_server(file, implicit=implicit) as box:
        result = trusting(mail(box.port, security=security, **login), file).send(MESSAGE)
    assert result == SendResult("", "127.0.0.1 accepted the mail.")
    assert box.mails[0]["Subject"] == "Skycam: Check the camera."
    assert box.recipients == [["anna@example.org"]]


def test_a_certificate_that_is_not_trusted_is_refused(tmp_path: Path) -> None:
    with mail_server(certificate(tmp_path, "mail.example")) as box:
        error = mail(box.port, security="starttls", user="skycam").send(MESSAGE).error
    assert error.startswith("The certificate of the mail server is not valid")
    assert box.mails == []


def test_a_wrong_password_is_an_error_without_the_password(tmp_path: Path) -> None:
    file = certificate(tmp_path, "mail.example")
    with mail_server(file) as box:
        channel = trusting(mail(box.port, security="starttls", user="skycam", password="not it"), file)
        assert channel.send(MESSAGE).error == "The mail server refused user or password (535)."


def test_a_server_without_starttls_gets_no_password() -> None:
    with mail_server() as box:
        error = mail(box.port, security="starttls", user="skycam").send(MESSAGE).error
    assert error == "The mail server does not offer STARTTLS. Check port and security."


@pytest.mark.parametrize(
    ("sign_ins", "said"),
    [
        (None, "offers no sign-in (AUTH), but a user is set. Remove the user, or check port and security."),
        (
            "XOAUTH2",
            "offers no sign-in that Skycam can use, only XOAUTH2. Create a password for programs, if it has them.",
        ),
    ],
)
def test_a_server_without_a_sign_in_that_fits_is_named(tmp_path: Path, sign_ins: str | None, said: str) -> None:
    file = certificate(tmp_path, "mail.example")
    with mail_server(file, sign_ins=sign_ins) as box:
        result = trusting(mail(box.port, security="starttls", user="skycam"), file).send(MESSAGE)
    assert result.error.startswith(f"The mail server {said}")
    assert box.mails == []


def test_a_mail_that_is_refused_for_now_says_so() -> None:
    with mail_server() as box:
        box.answers = ["451 try again later"]
        assert mail(box.port).send(MESSAGE).error == "The mail server answered 451 try again later"
        assert mail(box.port).send(MESSAGE).error == ""
    assert len(box.mails) == 1


def test_the_outcome_names_recipients_that_were_refused() -> None:
    with mail_server() as box:
        result = mail(box.port, recipients=["anna@example.org", "nobody@example.org"]).send(MESSAGE)
    assert result == SendResult("", "127.0.0.1 accepted the mail. It refused nobody@example.org.")


def test_a_mail_has_the_picture_and_the_link() -> None:
    message = Notification(
        "019d", "opened", "Skycam", (alert(),), attachment=Attachment("picture.jpg", "image/jpeg", b"\xff\xd8x")
    )
    with mail_server() as box:
        mail(box.port).send(message)
    [attached] = box.mails[0].iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("picture.jpg", b"\xff\xd8x")
    assert "Acknowledge or silence: https://sky.example.org/alerts/link/x/" in str(box.mails[0].get_body())


def large_picture() -> Notification:
    return Notification(
        "019d", "opened", "Skycam", (alert(),), attachment=Attachment("picture.jpg", "image/jpeg", bytes(50_000))
    )


@pytest.mark.parametrize("answer", ["", "552 5.3.4 Message size exceeds fixed limit", "554 5.3.4 too big"])
def test_a_mail_that_is_too_large_with_its_picture_is_sent_without_it(answer: str) -> None:
    with mail_server(most_bytes=0 if answer else 20_000) as box:
        box.answers = [answer][: bool(answer)]
        result = mail(box.port).send(large_picture())
    assert result.error == ""
    assert "127.0.0.1 accepted the mail. It got no attachment: The mail server answered 55" in result.detail
    [sent] = box.mails
    assert list(sent.iter_attachments()) == []
    assert "Without its attachment: The mail server answered 55" in str(sent.get_body())


@pytest.mark.parametrize(("answer", "message"), [("552 too large", MESSAGE), ("554 spam", large_picture())])
def test_a_mail_that_is_refused_otherwise_is_not_sent_again(answer: str, message: Notification) -> None:
    with mail_server() as box:
        box.answers = [answer]
        assert mail(box.port).send(message).error == f"The mail server answered {answer}"
    assert box.mails == []


def test_mail_without_tls_is_only_for_this_machine() -> None:
    with pytest.raises(ValidationError, match="clear text"):
        mail(25, host="mail.example.org")


@pytest.mark.parametrize("address", ["anna", "a@b\r\nBcc: x@y", "anna@example.org, eve@example.org", "ä@example.org"])
def test_a_recipient_is_one_address(address: str) -> None:
    with pytest.raises(ValidationError):
        mail(25, recipients=[address])


def http_request(kind: str, message: Notification = MESSAGE) -> Received:
    with receiving(status(200)) as receiver:
        assert send(kind, receiver.port, message).error == ""
        return receiver.received[0]


def test_a_web_hook_is_signed() -> None:
    got = http_request("webhook")
    assert got.is_signed_with(SECRETS["webhook"]["secret"])
    assert json.loads(got.body)["alerts"][0]["key"] == "camera.quarantined:sky"


def test_ntfy_gets_topic_priority_and_token() -> None:
    got = http_request("ntfy")
    body = json.loads(got.body)
    assert (body["topic"], body["priority"]) == (SECRETS["ntfy"]["topic"], 5)
    assert got.headers["Authorization"] == f"Bearer {SECRETS['ntfy']['token']}"


def test_telegram_gets_plain_text_for_its_chat() -> None:
    got = http_request("telegram")
    assert got.path == f"/bot{SECRETS['telegram']['token']}/sendMessage"
    assert {"chat_id", "text"} <= set(json.loads(got.body))
    assert "parse_mode" not in json.loads(got.body)


PICTURE = Notification(
    "019d", "opened", "Skycam", (alert(),), attachment=Attachment("picture.jpg", "image/jpeg", b"\xff\xd8x")
)
REPORT = Notification(
    "019d", "report", "Skycam", text="120 captures.", attachment=Attachment("n.html", "text/html", b"<p>")
)


def test_ntfy_gets_the_picture_as_a_second_message() -> None:
    with receiving(status(200)) as receiver:
        result = send("ntfy", receiver.port, PICTURE)
    [_, got] = receiver.received
    assert (got.path, got.body) == (f"/{SECRETS['ntfy']['topic']}", b"\xff\xd8x")
    assert (got.headers["Filename"], got.headers["Priority"]) == ("picture.jpg", "1")
    assert got.headers["Authorization"] == f"Bearer {SECRETS['ntfy']['token']}"
    assert result.detail.endswith("It got the picture.")


def test_telegram_gets_the_picture_as_a_photo() -> None:
    with receiving(status(200)) as receiver:
        assert send("telegram", receiver.port, PICTURE).error == ""
    [_, got] = receiver.received
    assert got.path == f"/bot{SECRETS['telegram']['token']}/sendPhoto"
    parts = message_from_bytes(b"Content-Type: " + got.headers["Content-Type"].encode() + b"\r\n\r\n" + got.body)
    found = {
        part.get_param("name", header="Content-Disposition"): part.get_payload(decode=True) for part in parts.walk()
    }
    assert (found["chat_id"], found["photo"]) == (b"-42", b"\xff\xd8x")


@pytest.mark.parametrize("kind", ["ntfy", "telegram"])
def test_a_picture_that_is_refused_does_not_repeat_the_message(kind: str) -> None:
    with receiving(in_turn(status(200), status(413))) as receiver:
        result = send(kind, receiver.port, PICTURE)
    assert (result.error, len(receiver.received)) == ("", 2)
    assert "It got no picture: The receiver answered 413." in result.detail


@pytest.mark.parametrize("kind", ["ntfy", "telegram"])
def test_a_message_that_is_refused_is_followed_by_no_picture(kind: str) -> None:
    with receiving(status(500)) as receiver:
        assert send(kind, receiver.port, PICTURE).error == "The receiver answered 500."
    assert len(receiver.received) == 1


@pytest.mark.parametrize("kind", ["ntfy", "telegram"])
def test_a_report_is_no_picture(kind: str) -> None:
    with receiving(status(200)) as receiver:
        assert send(kind, receiver.port, REPORT).error == ""
    assert len(receiver.received) == 1


def test_matrix_gets_one_transaction_for_each_message() -> None:
    got = http_request("matrix")
    assert json.loads(got.body)["m.mentions"] == {}
    assert got.path == "/_matrix/client/v3/rooms/%21room%3Aexample.org/send/m.room.message/019d"


@pytest.mark.parametrize("kind", ["ntfy", "telegram", "matrix", "webhook"])
def test_a_receiver_that_fails_says_when_to_try_again_and_no_secret(kind: str) -> None:
    body = json.dumps(SECRETS[kind]).encode()
    with receiving(in_turn(status(429, body, Retry_After="7"), status(200))) as receiver:
        result = send(kind, receiver.port)
    assert result.error.startswith("The receiver answered 429.")
    assert result.retry_after_s == 7


def test_no_error_of_a_far_end_has_a_secret() -> None:
    settings = channel_class("matrix").settings_model.model_validate(values_of("matrix", 1000))
    token = SECRETS["matrix"]["access_token"]
    assert settings.without_secrets(f"Unknown token {token}") == "Unknown token ***"


def test_home_assistant_discovers_an_alert_and_its_end(tmp_path: Path) -> None:
    over = Notification("019e", "resolved", "Skycam", (alert(state="resolved", resolved_at=AT),))
    with mqtt_broker(tmp_path, SECRETS["mqtt"]["password"]) as broker:
        assert send("mqtt", broker.port).error == ""
        first = broker.retained()
        assert send("mqtt", broker.port, over).error == ""
        later = broker.retained()
    [config_topic] = [topic for topic in first if topic.endswith("/config")]
    config = json.loads(first[config_topic])
    assert config_topic == f"homeassistant/binary_sensor/{config['unique_id']}/config"
    assert config["device_class"] == "problem"
    assert json.loads(first[config["state_topic"]])["state"] == "ON"
    assert json.loads(later[config["state_topic"]])["state"] == "OFF"
    assert "skycam/skycam/notifications" not in later


def test_a_broker_that_refuses_the_password_is_an_error(tmp_path: Path) -> None:
    with mqtt_broker(tmp_path, "another one") as broker:
        assert "Not authorized" in send("mqtt", broker.port).error


def test_discovery_also_describes_a_sensor() -> None:
    config = discovery_config("skycam_dome", "Dome", "temperature", "°C", "skycam/dome", "Skycam", is_binary=False)
    assert (config["device_class"], config["unit_of_measurement"]) == ("temperature", "°C")


@given(st.text())
def test_any_text_is_one_level_of_a_topic(text: str) -> None:
    assert set(topic_part(text)).isdisjoint("/+#\0")
    assert topic_part(text)


@pytest.mark.parametrize("topic", ["", "/x", "a/#", "a+b"])
def test_a_topic_has_no_wildcards(topic: str) -> None:
    with pytest.raises(ValidationError):
        MqttSettings(host="127.0.0.1", topic=topic)
    assert MqttChannel.settings_model is MqttSettings
