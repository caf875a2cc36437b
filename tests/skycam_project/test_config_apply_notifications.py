"""The lists `notification_channels` and `notification_routes` of `skycam config apply` and `export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.events.models import Event
from monitoring.models import NotificationChannel, NotificationRoute
from monitoring.notifications.sending import settings_of
from skycam_project.config import ConfigManager
from skycam_project.config.manager import read_config_file
from skycam_project.config.redaction import secrets_of
from tests.harness.configurations import write
from tests.harness.rows.notifications import route_to, webhook_channel
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db
FILE = """
notification_channels:
  - name: modem
    type: command
    settings: {command: [/usr/local/bin/send-sms, "+43664"]}
  - name: Night shift
    type: ntfy
    settings: {topic: "${TOPIC}", token: "${TOKEN}"}
notification_routes:
  - name: cameras
    channel: modem
    key_prefix: camera.
    quiet_from: 22:00
    quiet_until: 07:00
    escalate_after_s: 600
    escalate_to: Night shift
"""


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPIC", "sky-0123456789")
    monkeypatch.setenv("TOKEN", "tk_0123456789")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "skycam.yaml", FILE)


def apply(path: Path, *more: str) -> tuple[Any, Any]:
    found = answer("config", "apply", str(path), "--yes", *more)
    return found["notification_channels"], found["notification_routes"]


def stored(name: str) -> dict[str, Any]:
    return settings_of(NotificationChannel.objects.get(name=name)).model_dump()


def test_channels_and_routes_are_added_with_what_the_file_alone_may_set(file: Path) -> None:
    channels, routes = apply(file)
    assert [one["name"] for one in (*channels["added"], *routes["added"])] == ["modem", "Night shift", "cameras"]
    assert stored("modem") == {"command": ["/usr/local/bin/send-sms", "+43664"]}
    assert stored("Night shift")["token"] == "tk_0123456789"
    route = NotificationRoute.objects.get()
    assert (route.channel.name, route.escalate_to and route.escalate_to.name) == ("modem", "Night shift")
    assert (route.quiet_from, route.quiet_until, route.group_wait_s) == ("22:00", "07:00", 10)


def test_a_dry_run_stores_nothing_and_shows_no_secret(file: Path) -> None:
    found = skycam("config", "apply", str(file), "--dry-run")
    assert "+ notification channel Night shift" in found.stdout
    assert "tk_0123456789" not in found.stdout + found.stderr
    assert {"tk_0123456789", "sky-0123456789"} <= set(secrets_of(read_config_file(file).config))
    assert not NotificationChannel.objects.exists()


def test_the_same_file_again_has_nothing_to_do(file: Path) -> None:
    apply(file)
    before = Event.objects.count()
    channels, routes = apply(file)
    assert (channels["unchanged"], routes["unchanged"]) == (["modem", "Night shift"], ["cameras"])
    assert Event.objects.count() == before


def test_a_change_shows_old_and_new(file: Path) -> None:
    apply(file)
    write(file, FILE.replace("+43664", "+43665").replace("key_prefix: camera.", "severity: error"))
    channels, routes = apply(file)
    assert channels["changed"][0]["fields"][0]["new"] == {"command": ["/usr/local/bin/send-sms", "+43665"]}
    assert routes["changed"][0]["fields"] == [
        {"field": "severity", "old": "warning", "new": "error"},
        {"field": "key_prefix", "old": "camera.", "new": ""},
    ]


def test_a_secret_that_changes_is_told_without_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apply(file)
    monkeypatch.setenv("TOKEN", "tk_another")
    channels, _ = apply(file)
    assert channels["changed"][0]["fields"][0]["new"] == "its secrets change"
    assert stored("Night shift")["token"] == "tk_another"


def test_a_secret_that_the_file_does_not_have_stays(file: Path) -> None:
    apply(file)
    write(file, FILE.replace(', token: "${TOKEN}"', ""))
    channels, _ = apply(file)
    assert channels["unchanged"] == ["modem", "Night shift"]
    assert stored("Night shift")["token"] == "tk_0123456789"


def test_a_stored_secret_does_not_go_to_another_server(file: Path) -> None:
    apply(file)
    write(file, FILE.replace('token: "${TOKEN}"', "server: https://eve.example"))
    found = skycam("config", "apply", str(file), "--yes")
    assert (found.exit_code, "token must be given again, because server changes" in found.stderr) == (1, True)


def test_a_channel_that_was_added_on_a_page_is_changed_by_its_name(file: Path) -> None:
    apply(file)
    NotificationChannel.objects.filter(name="modem").update(enabled=False)
    assert apply(file)[0]["unchanged"] == ["modem", "Night shift"]
    write(file, FILE.replace("type: command\n", "type: command\n    enabled: true\n"))
    assert apply(file)[0]["changed"][0]["fields"] == [{"field": "enabled", "old": False, "new": True}]


def test_only_prune_removes_and_a_route_goes_with_its_channel(file: Path) -> None:
    route_to(webhook_channel(name="lab"), "lab alerts")
    channels, routes = apply(file)
    assert (channels["kept"], routes["kept"]) == (["lab"], ["lab alerts"])
    only_channels = write(file, FILE.partition("notification_routes")[0])
    channels, routes = apply(only_channels, "--prune")
    assert (channels["removed"], routes["removed"], routes["kept"]) == (["lab"], ["lab alerts"], ["cameras"])


def test_prune_removes_no_channel_that_a_route_outside_the_file_escalates_to(file: Path) -> None:
    apply(file)
    lab = webhook_channel(name="lab")
    route_to(NotificationChannel.objects.get(name="modem"), "second", escalate_after_s=60, escalate_to=lab.pk)
    found = skycam("config", "apply", str(write(file, FILE.partition("notification_routes")[0])), "--prune", "--yes")
    assert "the route second has escalate_to: lab, which is not in the file" in found.stderr
    assert NotificationChannel.objects.filter(name="lab").exists()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("type: ntfy", "type: pigeon", "notification_channels.2.type: 'pigeon' is not allowed"),
        ("topic:", "topik:", "notification_channels.2.settings"),
        ("channel: modem", "channel: fax", "notification_routes.1.channel: there is no notification channel 'fax'"),
        ("22:00", "25:00", "notification_routes.1.quiet_from"),
        ("escalate_to: Night shift", "escalate_to: modem", "notification_routes.1.escalate_to: Escalate to another"),
        ("    quiet_until: 07:00\n", "", "notification_routes.1: Give quiet_from and quiet_until two different times"),
        ("name: Night shift", "name: modem", "items 1 and 2 of notification_channels have the same name"),
    ],
)
def test_a_wrong_item_changes_nothing_and_says_where(old: str, new: str, sentence: str, file: Path) -> None:
    found = skycam("config", "apply", str(write(file, FILE.replace(old, new))), "--yes")
    assert (found.exit_code, sentence in found.stderr) == (1, True), found.stderr
    assert not NotificationChannel.objects.exists()


def test_a_channel_of_another_type_is_refused(file: Path) -> None:
    webhook_channel(name="modem")
    found = skycam("config", "apply", str(file), "--yes")
    assert "modem is a channel of the type webhook, and its type cannot be changed" in found.stderr


def test_an_export_has_no_secret_and_is_a_file_that_changes_nothing(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(file)
    exported = answer("config", "export")
    assert "tk_0123456789" not in exported["yaml"]
    topic, token = sorted(name for name in exported["variables"] if name.startswith("CHANNEL_NIGHT_SHIFT_"))[::-1]
    assert (topic.endswith("_TOPIC"), token.endswith("_TOKEN")) == (True, True)
    monkeypatch.setenv(topic, "sky-0123456789")
    monkeypatch.setenv(token, "tk_0123456789")
    channels, routes = apply(write(tmp_path / "export.yaml", exported["yaml"]))
    assert (sorted(channels["unchanged"]), routes["unchanged"]) == (["Night shift", "modem"], ["cameras"])


def test_a_written_configuration_has_no_secret_of_a_channel(file: Path, tmp_path: Path) -> None:
    write(file, FILE.replace("${TOKEN}", "tk_0123456789").replace("${TOPIC}", "sky-0123456789"))
    read_config_file(file).config.to_yaml(tmp_path / "written.yaml")
    written = (tmp_path / "written.yaml").read_text()
    assert "${CHANNEL_NIGHT_SHIFT_" in written
    assert "tk_0123456789" not in written
    assert "tk_0123456789" not in str(ConfigManager(file, environment={}, here=tmp_path).show())
