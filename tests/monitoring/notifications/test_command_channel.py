"""The channel that runs a program: what it gets, how its end is judged, and who may set it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from core.events.service import raise_alert
from core.outgoing import OutgoingGuard
from monitoring.models import NotificationChannel
from monitoring.notifications.channels.base import SendResult
from monitoring.notifications.channels.command import CommandChannel, CommandSettings
from monitoring.notifications.message import Notification
from tests.harness.clients.pages import text_of
from tests.harness.rows.notifications import command_channel, route_to, send_due, states
from tests.harness.waiting import PATIENCE_S

MESSAGE = Notification("019d", "test", "Skycam", text="Look up: é")
CHANNELS = "/api/v1/notifications/channels/"
SHORT_S = 0.5
"""The deadline for a program that hangs."""


def run(code: str, *arguments: str, deadline_s: float = PATIENCE_S) -> SendResult:
    settings = CommandSettings(command=[sys.executable, "-c", code, *arguments])
    return CommandChannel(settings, OutgoingGuard(), deadline_s).send(MESSAGE)


def test_the_program_gets_the_message_as_json(tmp_path: Path) -> None:
    file = tmp_path / "message"
    result = run("import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())", str(file))
    assert result == SendResult("", "The program ended with status 0.")
    assert json.loads(file.read_text()) == MESSAGE.body()


def test_the_last_line_that_a_failing_program_writes_is_the_reason() -> None:
    code = "import sys; print('noise'); print('first\\nno modem\\u202e\\n\\n', file=sys.stderr); sys.exit(3)"
    assert run(code).error == "The program ended with status 3. no modem\ufffd"


def test_a_program_that_reads_nothing_blocks_nothing() -> None:
    assert run("pass").error == ""


def test_a_program_that_hangs_is_stopped_at_the_deadline() -> None:
    error = run("import time; time.sleep(600)", deadline_s=SHORT_S).error
    assert error.startswith(f"The program has not ended within {SHORT_S} s")


def test_a_program_that_writes_without_end_is_stopped() -> None:
    assert "more than 64 kB" in run("import sys\nwhile True: sys.stderr.write('x' * 1000)").error


def test_a_program_that_does_not_exist_is_an_error() -> None:
    channel = CommandChannel(CommandSettings(command=["/no/such/program"]), OutgoingGuard())
    assert "was not found" in channel.send(MESSAGE).error


def test_the_program_gets_no_secret_of_the_station(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYCAM_ADMIN_PASSWORD", "s3cret")
    assert run("import os, sys; sys.exit('SKYCAM_ADMIN_PASSWORD' in os.environ)").error == ""


@pytest.mark.django_db
def test_a_failed_program_is_tried_again_as_other_channels_are() -> None:
    channel = command_channel([sys.executable, "-c", "raise SystemExit('no modem')"])
    route_to(channel)
    raise_alert("disk.full:main", "The disk is full.", camera=None)
    send_due()
    channel.refresh_from_db()
    assert channel.last_error == "The program ended with status 1. no modem"
    assert states() == [("opened", "pending")]


@pytest.mark.django_db
def test_neither_api_nor_page_adds_a_program(manager: Any) -> None:
    body = {"name": "modem", "kind": "command", "settings": {"command": ["/bin/sh"]}}
    answer = manager.post(CHANNELS, json.dumps(body), content_type="application/json")
    assert (answer.status_code, "configuration file alone" in answer.content.decode()) == (400, True)
    assert manager.get("/notifications/channels/add/command/").status_code == 404
    assert not NotificationChannel.objects.exists()


@pytest.mark.django_db
def test_no_one_changes_the_program_over_the_api(manager: Any) -> None:
    channel = command_channel(["/bin/true"])
    path = f"{CHANNELS}{channel.pk}/"
    wrong = manager.patch(path, json.dumps({"settings": {"command": ["/bin/sh"]}}), content_type="application/json")
    assert (wrong.status_code, "configuration file alone" in wrong.content.decode()) == (400, True)
    right = manager.patch(
        path, json.dumps({"name": "modem 2", "settings": {"command": ["/bin/true"]}}), content_type="application/json"
    )
    assert (right.status_code, right.json()["settings"]) == (200, {"command": ["/bin/true"]})


@pytest.mark.django_db
def test_the_page_shows_the_program_and_keeps_it(manager: Any) -> None:
    channel = command_channel(["/bin/true", "--modem"])
    path = f"/notifications/channels/{channel.pk}/"
    assert "/bin/true --modem" in text_of(manager.get(path))
    given = {"name": "modem 2", "command": "/bin/sh"}
    assert manager.post(path, given, format="multipart").status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.settings_shown["command"]) == ("modem 2", ["/bin/true", "--modem"])
