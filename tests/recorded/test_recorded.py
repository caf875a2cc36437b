"""What people and programs get is what was recorded, and each difference from the recording before has its reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from monitoring.alert_rules.rule import DEFAULT_RULES
from monitoring.health import HEALTH
from monitoring.models import AlertRule, Sensor
from scheduler.telescope.field_lists import nightly
from skycam_project import health
from tests.harness.clients.people import World
from tests.recorded.answers import Recorder, families, free_station
from tests.recorded.commands import COLUMNS, CommandRecorder, helps, lines
from tests.recorded.recordings import Entries, changes, differences, expected, listed, matches, recorded_files, write
from tests.recorded.station import SECRETS, configuration, openapi, openapi_families

FREE = ("camera-actions", "cameras", "telescope", "tonight")
"""Families whose answers differ when no session runs."""


@pytest.fixture
def check(request: pytest.FixtureRequest) -> Any:
    """Compares entries with a recording; with --record, they become the recording."""
    is_recording = request.config.getoption("--record", default=False)

    def compare(name: str, found: Entries) -> None:
        found = {one: text.strip() for one, text in found.items()}
        if is_recording:
            write(name, found)
        difference = changes(expected(name), found)
        assert not difference, f"{name} differs. If it should: python -m tests.recorded\n{difference}"

    return compare


@pytest.fixture
def old_world(shared_world: World) -> Iterator[World]:
    """As `shared_world`; no state of its rows changes with the next seconds."""
    with shared_world.unchanged():
        Sensor.objects.update(created_at=timezone.now() - timedelta(days=1))
        # A test with a database of its own empties the tables at its end.
        for rule in DEFAULT_RULES:
            AlertRule.objects.get_or_create(name=rule["name"], defaults=rule)
        yield shared_world


@pytest.fixture
def this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said of its clock, its disks and its programs."""
    monkeypatch.delitem(HEALTH, "disk")
    monkeypatch.setattr(health, "_cached", (float("inf"), []))


@pytest.fixture
def due_night(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each night that is started by itself is due, at whatever time of the day."""
    monkeypatch.setattr(nightly, "due_evening", lambda camera, now: date(2026, 11, 28))


@pytest.fixture
def columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", COLUMNS)


@pytest.mark.parametrize("family", families())
def test_the_api_answers_as_recorded(
    family: str, check: Any, old_world: World, empty_broker: Any, no_wait_for_frames: None, this_machine: None
) -> None:
    check(f"answers/{family}.txt", Recorder(old_world).record(families()[family]))


@pytest.mark.usefixtures("due_night")
@pytest.mark.parametrize("family", FREE)
def test_the_api_of_a_free_station_answers_as_recorded(
    family: str, check: Any, old_world: World, empty_broker: Any, no_wait_for_frames: None, this_machine: None
) -> None:
    free_station()
    check(f"free/{family}.txt", Recorder(old_world).record(families()[family]))


def test_the_help_of_each_command_is_as_recorded(check: Any, columns: None) -> None:
    check("commands/help.txt", helps())


@pytest.mark.parametrize("subject", lines())
def test_commands_print_as_recorded(
    subject: str, check: Any, old_world: World, empty_broker: Any, columns: None
) -> None:
    check(f"commands/{subject}.txt", CommandRecorder(old_world).record(subject))


@pytest.mark.parametrize("family", openapi_families())
def test_the_openapi_document_is_as_recorded(family: str, check: Any, db: None) -> None:
    check(f"openapi/{family}.txt", openapi(family))


def test_the_configuration_is_applied_and_exported_as_recorded(
    check: Any, db: None, settings: Settings, columns: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    check("configuration/lists.txt", configuration(settings, tmp_path))


def test_every_recorded_file_is_compared() -> None:
    compared = {
        *(f"answers/{name}.txt" for name in families()), *(f"free/{name}.txt" for name in FREE),
        *(f"commands/{name}.txt" for name in ("help", *lines())),
        *(f"openapi/{name}.txt" for name in openapi_families()),
        "configuration/lists.txt",
    }  # fmt: skip
    assert compared == recorded_files()


def test_each_difference_has_its_reason() -> None:
    assert [one for one in differences() if not any(matches(names, one) for names in listed())] == []


def test_no_reason_is_left_without_a_difference() -> None:
    assert [names for names in listed() if not any(matches(names, one) for one in differences())] == []
