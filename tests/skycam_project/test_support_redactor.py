"""What a support bundle hides although no one knows it to be a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from skycam_project.cli.support.known_secrets import Redactor
from skycam_project.config.redaction import REDACTED

SECRET = "Zq7hidden"
MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    "line",
    [
        json.dumps({"message": json.dumps({"password": SECRET, "count": 1})}),
        json.dumps({"message": json.dumps({"answer": json.dumps({"password": SECRET})})}),
        json.dumps({"message": f"Authorization: Digest response={SECRET}"}),
        json.dumps({"message": json.dumps({"Authorization": f"Digest {SECRET}"})}),
        f"rtsp://admin:p'{SECRET}@10.0.0.9/live",
        f'rtsp://admin:p"{SECRET}@10.0.0.9/live',
        f"rtsp://admin:p/{SECRET}@10.0.0.9/live",
        f"rtsp://admin:p#{SECRET}@[::1]/live",
        f"rtsp://admin:p@{SECRET}@10.0.0.9/live",
        f"admin:{SECRET}@10.0.0.9 does not answer",
        f'password: "a\\"{SECRET}"',
        f"password: 'two words {SECRET}'",
        f"password=a,b;{SECRET}",
        f"mosquitto_sub --password {SECRET} -t sky",
        f"mosquitto_sub --password '{SECRET}' -t sky",
        f"smtp_pass: {SECRET}",
        f"PASS={SECRET}",
        f"GET /weather?appid={SECRET}&q=1",
        f"GET /weather?key={SECRET}",
        f"X-Auth-Key: {SECRET}",
        f"access_key: {SECRET}",
        f"('x-api-key', '{SECRET}')",
        f"dict(password=b'{SECRET}')",
    ],
)
def test_a_place_of_secrets_is_hidden_in_a_text(line: str) -> None:
    assert SECRET not in Redactor([]).redact_text(line)


@pytest.mark.parametrize(
    "value",
    [
        {"pass": SECRET},
        {"auth": SECRET},
        {"access_key": SECRET},
        {"headers": [["Authorization", SECRET]]},
        {"command": ["weather", "--password", SECRET]},
    ],
)
def test_a_place_of_secrets_is_hidden_in_a_value(value: dict[str, Any]) -> None:
    assert SECRET not in json.dumps(Redactor([]).redact_value(value))


@pytest.mark.parametrize(
    "line",
    [
        "2026-03-01T20:15:00.123Z INFO captures.ingest: 3 files of yard at 12:30:01 with key=disk",
        "Port 18180 (web.port) is used by this station: http://127.0.0.1:18180/status/",
        "The authors surpass: all of it. trespass=1",
    ],
)
def test_an_ordinary_line_stays_as_it_is(line: str) -> None:
    assert Redactor([]).redact_text(line) == line


@pytest.mark.parametrize("part", ["a", "password", "a.b-c_", "://", "x://a:", "token ", "-----BEGIN PRIVATE KEY-----"])
def test_a_hostile_log_of_one_long_line_is_redacted(part: str) -> None:
    """With a pattern that backtracks it would take hours, and the run would end it."""
    Redactor([]).redact_text(part * (MEGABYTE // len(part)))


def test_many_known_secrets_are_hidden_in_a_long_log() -> None:
    secrets = [f"secret-number-{number}" for number in range(200)]
    log = "an ordinary line of the log\n" * 40_000
    assert secrets[-1] not in Redactor(secrets).redact_text(log + secrets[-1])


def test_of_a_secret_that_has_another_one_in_it_nothing_is_left() -> None:
    assert Redactor(["sesame", "open-sesame-now"]).redact_text("it sent open-sesame-now") == f"it sent {REDACTED}"
