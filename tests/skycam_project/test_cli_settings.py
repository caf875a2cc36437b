"""`skycam settings`: presets, and changes on a camera's body, over a real broker."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import redis

from cameras.models import Camera, SettingsPreset
from tests.harness.documents.pages import blocks
from tests.harness.far_ends.camera_host import camera_host
from tests.harness.rows.cameras import add_camera
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db
PRESETS = ("settings", "presets")


def configured(**actual: Any) -> dict[str, dict[str, Any]]:
    return {"configure": {"actual": actual, "warnings": [], "read_at": "2026-11-20T20:00:00Z", "differs": []}}


def test_a_preset_is_saved_listed_and_deleted(empty_broker: redis.Redis, sim: Camera) -> None:
    saved = answer(*PRESETS, "save", "sim", "Night", "--set", "gain=2", "--set", "exposure_us=8000000")
    assert saved["name"] == "Night"
    assert saved["settings"] == {"gain": 2.0, "exposure_us": 8_000_000}
    assert answer(*PRESETS, "list", "sim")["results"] == [saved]
    assert "exposure_us=8000000, gain=2.0" in skycam(*PRESETS, "list", "sim").stdout
    assert answer(*PRESETS, "delete", "sim", "Night") == saved
    assert not SettingsPreset.objects.exists()


def test_the_commands_of_the_page_do_what_it_says(empty_broker: redis.Redis) -> None:
    add_camera(slug="simulated", kind="simulated")
    commands = [shlex.split(line)[1:] for line in blocks("docs/operating/settings.md", "sh")[0].splitlines()]
    with camera_host(empty_broker, configured()):
        assert [skycam(*command).exit_code for command in commands] == [0] * 5


def test_an_existing_name_is_refused_without_replace(empty_broker: redis.Redis, sim: Camera) -> None:
    save = (*PRESETS, "save", "sim", "Night", "--set")
    answer(*save, "gain=2")
    assert skycam(*save, "gain=3").exit_code == 2
    assert answer(*save, "gain=3", "--replace")["settings"] == {"gain": 3.0}


def test_a_preset_is_applied_and_compared(empty_broker: redis.Redis, sim: Camera) -> None:
    answer(*PRESETS, "save", "sim", "Night", "--set", "gain=2")
    with camera_host(empty_broker, configured(gain=2.0)) as commands:
        applied = answer(*PRESETS, "apply", "sim", "Night")
    assert applied["actual"] == {"gain": 2.0}
    assert commands[0]["arguments"]["settings"] == {"gain": 2.0}
    assert answer(*PRESETS, "compare", "sim", "Night")["differs"] is False
    Camera.objects.update(settings={"gain": 4.0})
    assert "differs" in skycam(*PRESETS, "compare", "sim", "Night").stdout


def test_an_unknown_preset_is_an_error(empty_broker: redis.Redis, sim: Camera) -> None:
    shown = skycam(*PRESETS, "apply", "sim", "Day")
    assert shown.exit_code == 1
    assert "There is no preset 'Day' for simulated cameras" in shown.stderr


def test_a_change_on_the_body_is_shown_and_adopted(empty_broker: redis.Redis, sim: Camera) -> None:
    differs = [{"name": "gain", "wished": 2.0, "has": 4.0}]
    Camera.objects.update(settings={"gain": 2.0}, read_back={"gain": 4.0}, differs=differs)
    assert answer("settings", "show", "sim")["differs"] == differs
    assert "changed" in skycam("settings", "show", "sim").stdout
    with camera_host(empty_broker, configured(gain=4.0)):
        assert answer("settings", "adopt", "sim")["desired"] == {"gain": 4.0}
    assert skycam("settings", "adopt", "sim").exit_code == 2


def test_refresh_reads_the_camera(empty_broker: redis.Redis, sim: Camera) -> None:
    with camera_host(empty_broker, {"read": configured(gain=1.5)["configure"]}):
        assert answer("settings", "show", "sim", "--refresh")["actual"] == {"gain": 1.5}
