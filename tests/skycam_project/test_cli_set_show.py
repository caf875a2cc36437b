"""`skycam cameras show`, `settings set` and `capture -o`, with a fake camera host behind a real broker."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from django.db import connection

from cameras.models import Camera
from captures.models import Capture
from tests.harness.far_ends.camera_host import camera_host
from tests.harness.races.removed_camera import remove_before_the_lock
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db
READING = {"actual": {"gain": 2.0}, "read_at": "2026-03-01T20:00:00.000Z", "warnings": [], "differs": []}
CONFIGURED = {"configure": READING}


@pytest.fixture
def capable(sim: Camera) -> Camera:
    """A camera that has reported its capabilities."""
    ranges = {"exposure_us": {"minimum": 20, "maximum": 2_000_000}, "gain": {"minimum": 0, "maximum": 24.0}}
    sim.capabilities, sim.settings = {"settings": ranges}, {"gain": 2.0}
    sim.save()
    return sim


@pytest.mark.parametrize("words", [["sim"], ["--camera", "sim"], []], ids=" ".join)
def test_a_camera_is_shown_with_its_allowed_values(words: list[str], capable: Camera) -> None:
    shown = skycam("cameras", "show", *words).stdout
    assert "sim is host down" in shown
    assert "20 µs to 2 s" in shown
    assert "0 to 24" in shown
    assert answer("cameras", "show", *words)["slug"] == "sim"


@pytest.mark.parametrize(
    "words",
    [
        ["sim", "gain=2", "exposure=1/50s"],
        ["--camera", "sim", "gain=2", "exposure=1/50s"],
        ["gain=2", "exposure=1/50s"],
    ],
    ids=" ".join,
)
def test_a_camera_is_set(words: list[str], empty_broker: redis.Redis, capable: Camera) -> None:
    with camera_host(empty_broker, CONFIGURED) as commands:
        found = answer("settings", "set", *words)
    assert found["desired"] == {"gain": 2.0, "exposure_us": 20_000}
    assert commands[0]["arguments"]["settings"] == {"gain": 2.0, "exposure_us": 20_000}


def test_replace_sets_exactly_the_given_settings(empty_broker: redis.Redis, capable: Camera) -> None:
    with camera_host(empty_broker, CONFIGURED):
        assert answer("settings", "set", "sim", "iso=100", "--replace")["desired"] == {"iso": 100}


def test_without_its_host_a_setting_is_stored_and_the_error_says_so(empty_broker: redis.Redis, capable: Camera) -> None:
    found = skycam("settings", "set", "sim", "gain=3")
    capable.refresh_from_db()
    assert found.exit_code == 3
    assert "The settings are stored" in found.stderr
    assert capable.settings == {"gain": 3.0}


def test_a_camera_that_is_removed_meanwhile_is_not_found(capable: Camera) -> None:
    with connection.execute_wrapper(remove_before_the_lock):
        found = answer("settings", "set", "sim", "gain=3")
    assert found["type"] == "/problems/not-found"
    assert found["detail"] == "The camera was removed."


def test_missing_and_invalid_settings_are_usage_errors(capable: Camera) -> None:
    assert skycam("settings", "set", "sim").exit_code == 2
    assert skycam("settings", "set", "sim", "gain").exit_code == 2


def test_no_picture_is_captured_when_its_copy_could_not_be_written(sim: Camera, tmp_path: Path) -> None:
    (tmp_path / "moon.jpg").write_text("mine")
    assert skycam("capture", "sim", "-o", str(tmp_path / "moon.jpg")).exit_code == 2
    assert skycam("capture", "sim", "-o", str(tmp_path / "nowhere" / "moon.jpg")).exit_code == 2
    assert not Capture.objects.exists()
