"""Events, alerts, the log and tokens on the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from core.events.models import Alert, Event
from core.events.service import raise_alert, record_event, resolve_alert
from skycam_project.access.models import ApiToken, User
from tests.harness.stations.command_line import SKYCAM, answer, skycam
from tests.harness.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.django_db
VIEWER_UID = 54321


@pytest.fixture
def viewer_at_the_machine(monkeypatch: pytest.MonkeyPatch) -> User:
    """The caller of the test's commands is a viewer of the station, not its owner."""
    monkeypatch.setattr(os, "getuid", lambda: VIEWER_UID)
    return User.objects.create_user(username=str(VIEWER_UID), role="viewer")


@pytest.fixture
def three_events(camera: Camera) -> None:
    record_event("session.started", "It began.", camera=camera, at=timezone.now() - timedelta(hours=3))
    record_event("session.gap", "Some are missing.", severity="warning", camera=camera)
    record_event("part.restarted", "web was started again.", severity="error", camera=None)


# Events


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        ([], ["web was started again.", "Some are missing.", "It began."]),
        (["sky"], ["Some are missing.", "It began."]),
        (["--camera", "sky", "--since", "1 h"], ["Some are missing."]),
        (["--severity", "warning"], ["web was started again.", "Some are missing."]),
        (["--kind", "session"], ["Some are missing.", "It began."]),
        (["-n", "1"], ["web was started again."]),
        (["--search", "STARTED again"], ["web was started again."]),
        (["--host", "barn"], []),
        (["--until", "1 h"], ["It began."]),
    ],
)
def test_events_are_filtered(words: list[str], messages: list[str], three_events: None) -> None:
    assert [event["message"] for event in answer("events", *words)["results"]] == messages


def test_people_read_the_newest_last(three_events: None) -> None:
    lines = skycam("events").stdout.splitlines()
    assert [line.endswith(end) for line, end in zip(lines, ("It began.", "Some are missing."), strict=False)] == [
        True,
        True,
    ]
    assert "warning: Some are missing." in lines[1]


def test_events_of_people_are_for_managers(viewer_at_the_machine: User) -> None:
    record_event("user.changed", "anna became a manager.", camera=None)
    assert answer("events")["results"] == []


@pytest.mark.django_db(transaction=True)
def test_events_are_followed_as_they_come(camera: Camera) -> None:
    record_event("session.started", "It began.", camera=camera)
    with FollowedCommand("events", "sky") as seen:
        eventually(lambda: len(seen()) == 1)
        record_event("session.gap", "Some are missing.", camera=camera)
        record_event("part.restarted", "web was started again.", camera=None)
        record_event("session.finished", "It ended.", camera=camera)
        eventually(lambda: len(seen()) == 3)
        assert [event["message"] for event in seen()] == ["It began.", "Some are missing.", "It ended."]


class FollowedCommand:
    """A command that runs in its own process until Ctrl-C, which ends it with 0; `lines` are its JSON lines so far."""

    def __init__(self, *words: str, **variables: str) -> None:
        self.lines: list[dict[str, Any]] = []
        command = [*SKYCAM, "--output", "json", *words, "--follow"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **variables}, text=True)
        self.reader = threading.Thread(target=self._read)

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def __enter__(self) -> Callable[[], list[dict[str, Any]]]:
        self.reader.start()
        return lambda: list(self.lines)

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(PATIENCE_S)
        self.reader.join(PATIENCE_S)
        assert self.process.stdout
        self.process.stdout.close()
        assert status == 0


# Alerts


@pytest.fixture
def alert(camera: Camera) -> Alert:
    resolved = raise_alert("old", "It was hot.", camera=None)
    resolve_alert(resolved.key)
    return raise_alert("disk", "The disk is nearly full.", severity="error", camera=camera)


def test_unresolved_alerts_are_listed(alert: Alert) -> None:
    assert [one["key"] for one in answer("alerts", "list")["results"]] == ["disk"]
    assert [one["key"] for one in answer("alerts", "list", "--all")["results"]] == ["disk", "old"]
    assert answer("alerts", "list", "sky", "--severity", "critical")["results"] == []
    assert "The disk is nearly full." in skycam("alerts", "list", "-c", "sky").stdout


def test_an_alert_is_acknowledged_by_the_beginning_of_its_id(alert: Alert) -> None:
    found = skycam("alerts", "ack", str(alert.pk)[:20])
    alert.refresh_from_db()
    assert found.exit_code == 0
    assert alert.state == "acknowledged"
    assert alert.acknowledged_by == "cli:root"
    assert found.stdout == "Seen by cli:root: The disk is nearly full.\n"


def test_a_viewer_acknowledges_nothing(alert: Alert, viewer_at_the_machine: User) -> None:
    assert skycam("alerts", "ack", str(alert.pk)).exit_code == 5
    assert Alert.objects.filter(state="open").count() == 1


# Tokens


def test_a_token_is_created_shown_once_listed_and_revoked() -> None:
    User.objects.create_user(username="anna", role="operator")
    made = answer("tokens", "add", "backup script", "--user", "anna", "--scope", "viewer", "--life", "90d")
    listed = answer("tokens", "list", "--user", "anna")["results"]
    assert [(one["name"], one["scope"], one["user"]) for one in listed] == [("backup script", "viewer", "anna")]
    assert made["token"] not in json.dumps(listed)
    assert skycam("tokens", "revoke", str(made["id"])).exit_code == 0
    assert not ApiToken.objects.exists()


def test_a_token_signs_its_user_in(client: Any) -> None:
    User.objects.create_user(username="anna", role="viewer")
    made = answer("tokens", "add", "script", "--user", "anna")
    found = client.get("/api/v1/captures/", headers={"authorization": f"Token {made['token']}"})
    assert found.status_code == 200
    assert made["scope"] == "viewer"


def test_creating_and_revoking_a_token_write_events_without_its_text() -> None:
    User.objects.create_user(username="anna", role="viewer")
    made = answer("tokens", "add", "script", "--user", "anna")
    skycam("tokens", "revoke", str(made["id"]))
    message = list(Event.objects.filter(kind="user.changed").values_list("actor", "message"))
    assert [actor for actor, _ in message] == ["cli:root", "cli:root"]
    assert made["token"] not in str(message)


def test_a_caller_without_a_station_user_must_name_the_tokens_owner() -> None:
    found = skycam("tokens", "add", "script")
    assert found.exit_code == 2
    assert "--user NAME" in found.stderr


def test_a_viewer_creates_sees_and_revokes_only_their_own_tokens(viewer_at_the_machine: User) -> None:
    other = User.objects.create_user(username="anna", role="manager")
    foreign, _ = ApiToken.issue(other, name="of anna")
    assert answer("tokens", "add", "mine")["user"] == str(VIEWER_UID)
    assert [one["name"] for one in answer("tokens", "list")["results"]] == ["mine"]
    assert [skycam("tokens", "revoke", str(foreign.pk)).exit_code] == [1]
    assert skycam("tokens", "add", "hers", "--user", "anna").exit_code == 5
    assert ApiToken.objects.filter(pk=foreign.pk).exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [(["", "--user", "anna"], "Give the token a name"), (["x", "--user", "anna", "--life", "3000 d"], "out of range")],
)
def test_a_token_without_a_name_or_with_too_long_a_life_is_refused(words: list[str], message: str) -> None:
    User.objects.create_user(username="anna", role="viewer")
    found = skycam("tokens", "add", *words)
    assert found.exit_code == 2
    assert message in found.stderr


# The log

LINES = """2026-03-01 20:00:00Z skycam | started
2026-03-01 20:00:01Z web | 2026-03-01T20:00:01.000Z INFO uvicorn: up
2026-03-01 20:00:02Z worker | a line
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a log, and nothing else."""
    (tmp_path / "data" / "logs").mkdir(parents=True)
    (tmp_path / "data").chmod(0o700)
    (tmp_path / "data" / "logs" / "skycam.log").write_text(LINES)
    return tmp_path / "data"


@pytest.fixture
def log_file(data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SKYCAM_DATA", str(data))
    monkeypatch.delenv("SKYCAM_CONFIG")
    return data / "logs" / "skycam.log"


def test_the_log_is_shown_without_a_station(log_file: Path) -> None:
    assert [line["part"] for line in answer("logs")["results"]] == ["skycam", "web", "worker"]
    assert answer("logs", "web")["results"][0]["line"].endswith("INFO uvicorn: up")
    assert [line["part"] for line in answer("logs", "-n", "1")["results"]] == ["worker"]
    assert skycam("logs", "worker").stdout == "2026-03-01 20:00:02Z worker   a line\n"


def test_lines_of_a_just_rotated_file_are_shown_too(log_file: Path) -> None:
    log_file.rename(f"{log_file}.1")
    log_file.write_text("2026-03-01 20:00:03Z web | new\n")
    assert [line["line"] for line in answer("logs", "-n", "2")["results"]] == ["a line", "new"]


def test_an_unknown_part_is_an_error(log_file: Path) -> None:
    found = skycam("logs", "wokrer")
    assert found.exit_code == 2
    assert "There is no part wokrer. Did you mean worker?" in found.stderr


def test_a_station_that_never_ran_has_no_log(log_file: Path) -> None:
    log_file.unlink()
    found = skycam("logs")
    assert found.exit_code == 1
    assert "`skycam up` starts the station." in found.stderr


def test_the_log_is_followed_into_the_next_file(log_file: Path) -> None:
    with FollowedCommand("logs", "worker") as seen:
        eventually(lambda: len(seen()) == 1)
        with log_file.open("a") as log:
            log.write("2026-03-01 20:00:04Z worker | more\n2026-03-01 20:00:04Z web | other\n2026-03-01 20:00:05Z wor")
        eventually(lambda: len(seen()) == 2)
        log_file.rename(f"{log_file}.1")
        log_file.write_text("2026-03-01 20:00:06Z worker | in the next\n")
        eventually(lambda: len(seen()) == 3)
        assert [line["line"] for line in seen()] == ["a line", "more", "in the next"]
