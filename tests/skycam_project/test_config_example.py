"""config/skycam.example.yaml: complete, valid, and applied to an empty station."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_django import Settings

from cameras.models import Camera
from monitoring.models import Sensor
from scheduler.models import Schedule
from skycam_project.config import ConfigManager
from skycam_project.config.keys import Section
from skycam_project.config.model import KEYS, fields_of, items_section, section_of
from tests.harness.project import PROJECT
from tests.harness.stations.command_line import answer, run

EXAMPLE = PROJECT / "config" / "skycam.example.yaml"
SWITCHED_OFF = re.compile(r"^( *)#(?=  +(?:- |[a-z_]+:)|\S)", re.MULTILINE)
"""The sign in front of a key that is switched off, and of the lines of an item."""


def item_keys(model: type[Section]) -> Iterator[str]:
    for name, field in fields_of(model).items():
        yield name
        if inner := section_of(field):
            yield from item_keys(inner)


def test_every_key_of_the_reference_is_in_the_example() -> None:
    text = EXAMPLE.read_text()
    written = set(re.findall(r"([a-z_]+):", text))
    lists = [found for field in KEYS.values() if (found := items_section(field))]
    wanted = {name for key in KEYS for name in key} | {name for model in lists for name in item_keys(model)}
    assert wanted - written == set()


def test_the_keys_that_are_switched_off_stand_in_their_sections() -> None:
    tree = yaml.safe_load(SWITCHED_OFF.sub(r"\1", EXAMPLE.read_text()))
    assert [key for key in KEYS if missing(tree, key)] == []


def missing(tree: Any, key: tuple[str, ...]) -> bool:
    name, *inner = key
    return name not in tree or (bool(inner) and missing(tree[name], tuple(inner)))


def test_the_example_is_valid(tmp_path: Path) -> None:
    data = tmp_path / "data"
    found = run(data, "--config", str(EXAMPLE), "config", "check")
    assert (found.status, found.stdout) == (0, "The configuration is valid.\n")


@pytest.mark.django_db
def test_the_example_is_applied_to_an_empty_station_exported_and_applied_again(
    tmp_path: Path, settings: Settings
) -> None:
    settings.STATION = ConfigManager(EXAMPLE, environment={"SKYCAM_DATA": str(tmp_path / "data")}, here=tmp_path).config
    body = answer("config", "apply", str(EXAMPLE), "--yes")
    assert (body["applied"], body["not_applied"]) == (True, [])
    assert [camera.slug for camera in Camera.objects.order_by("slug")] == ["sky", "telescope"]
    assert [(sensor.name, sensor.kind) for sensor in Sensor.objects.all()] == [("roof", "simulated")]
    assert Schedule.objects.count() == 2
    exported = answer("config", "export")
    (tmp_path / "exported.yaml").write_text(exported["yaml"])
    assert exported["variables"] == []
    again = [answer("config", "apply", str(path), "--yes") for path in (EXAMPLE, tmp_path / "exported.yaml")]
    assert [(one["applied"], one["not_applied"]) for one in again] == [(False, []), (False, [])]
