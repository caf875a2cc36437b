"""An export that is applied to an empty station makes the same station, whatever cameras and schedules it has."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from cameras.models import Camera
from cameras.resource import CAMERAS
from core.resources.resource import body_of
from core.station_owner import StationOwner
from core.station_settings import clear_cache
from scheduler.models import Schedule
from scheduler.schedules.resource import ScheduleBody
from skycam_project.config import ConfigManager
from skycam_project.config.manager import read_config_file
from skycam_project.config.redaction import escape_references
from skycam_project.provisioning.service import Provisioning, export_configuration
from tests.harness.configurations import write
from tests.harness.runs.examples import examples

pytestmark = pytest.mark.django_db
PASSWORD = "pass%24word"
SECRETS = {f"PASSWORD_{count}OF_{camera}": PASSWORD for camera in "ABC" for count in ("", "2_")}
lines = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), min_size=1, max_size=60
)
offsets = st.integers(-3600, 3600)
days = st.lists(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), unique=True)
nights = st.dates(min_value=date(2027, 1, 1), max_value=date(2027, 6, 1))
exposures = st.fixed_dictionaries({}, optional={"exposure_us": st.integers(20, 10**6), "gain": st.floats(1, 16)})
KINDS = {
    "simulated": (st.just(""), exposures),
    "dslr": (
        st.sampled_from(["", "3012345", "usb:001,004"]),
        st.fixed_dictionaries({}, optional={"iso": st.integers(100, 6400), "keep_on_card": st.booleans()}),
    ),
    "network": (
        st.sampled_from(
            [
                "rtsp://camera.example.org/live",
                f"rtsp://guest:{PASSWORD}@camera.example.org:8554/live",
                f"http://guest:{PASSWORD}@camera.example.org/mjpeg?token={PASSWORD}",
            ]
        ),
        st.just({}),
    ),
}


@st.composite
def cameras(draw: st.DrawFn, slug: str) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(KINDS)))
    address, values = KINDS[kind]
    found = st.fixed_dictionaries(
        {"id": st.just(slug), "type": st.just(kind)},
        optional={
            "name": lines, "address": address, "host": st.sampled_from(["main", "dome"]), "enabled": st.booleans(),
            "restricted": st.booleans(), "recording": st.sampled_from(["none", "rolling", "manual"]),
            "settings": values,
        },
    )  # fmt: skip
    body = draw(found)
    return {**body, "address": draw(address)} if kind == "network" else body


windows = st.fixed_dictionaries(
    {"sun": st.sampled_from(["sunset", "civil", "astronomical"]) | st.floats(-18, 0)},
    optional={"begin_offset_s": offsets, "end_offset_s": offsets},
) | st.fixed_dictionaries({"begin": st.just("20:00"), "end": st.sampled_from(["05:00", "23:59"])})
programmes = st.fixed_dictionaries(
    {},
    optional={
        "exposure_us": st.integers(1, 10**7), "f_number": st.none() | st.floats(1.4, 22), "iso": st.integers(100, 6400),
        "count": st.integers(1, 1000), "delay_s": st.floats(0, 100),
        "control": st.just({"exposure_us": [50, 20_000_000]}),
    },
)  # fmt: skip


def schedules(name: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "name": lines.map(lambda text: f"{name}{text}"),
            "cameras": st.lists(st.sampled_from("ab"), min_size=1, unique=True),
            "window": windows,
        },
        optional={
            "programme": programmes, "moon": st.just({"max_phase": 0.5}), "weekdays": days, "first_night": nights,
            "priority": st.integers(-100, 100), "enabled": st.booleans(),
        },
    )  # fmt: skip


sections = st.fixed_dictionaries(
    {},
    optional={
        "camera_config": st.fixed_dictionaries(
            {}, optional={"crf": st.integers(0, 51), "default_fps": st.floats(1, 60)}
        ),
        "live_streaming_config": st.fixed_dictionaries({"enabled": st.booleans()}),
        "station": st.fixed_dictionaries({"name": lines.map(lambda text: " ".join(text[:30]))}),
        "site": st.fixed_dictionaries({"latitude": st.floats(-60, 60), "longitude": st.floats(-180, 180)}),
        "logging": st.fixed_dictionaries({"level": st.sampled_from(["DEBUG", "ERROR"])}),
        "sensors": st.just([{"name": "roof", "type": "simulated", "settings": {"temperature": 4.5}}]),
    },
)


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    listed = [draw(cameras("a")), draw(cameras("b")), *draw(st.lists(cameras("c"), max_size=1))]
    primary = draw(st.sampled_from([*range(len(listed)), None]))
    listed = [{**one, "primary": True} if number == primary else one for number, one in enumerate(listed)]
    planned = [draw(schedules(name)) for name in draw(st.sampled_from(["", "x", "xy"]))]
    return {**escape_references(draw(sections)), **escape_references({"cameras": listed, "schedules": planned})}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


class Applied(NamedTuple):
    exported: str
    rows: list[dict[str, Any]]


def rows() -> list[dict[str, Any]]:
    """Cameras and schedules as the API has them, with passwords and recordings, and without what is of one station."""
    cameras = Camera.objects.order_by("slug")
    found = [
        {**CAMERAS.body(one, StationOwner()), "full": one.full_address, "recording": one.recording} for one in cameras
    ]
    planned = [body_of(ScheduleBody, row) for row in Schedule.objects.order_by("name")]
    return [{name: value for name, value in one.items() if name not in {"id", "created"}} for one in [*found, *planned]]


def applied(path: Path, station: Settings) -> Applied:
    """An empty station that was started with the file, and to which it was applied."""
    environment = {**SECRETS, "SKYCAM_HOST": "main", "PATH": os.environ["PATH"]}
    station.STATION = ConfigManager(path, environment=environment, here=path.parent).config
    with transaction.atomic():
        clear_cache()
        provisioning = Provisioning(read_config_file(path), StationOwner(), "cli:root")
        provisioning.apply(provisioning.plan())
        assert not provisioning.plan().has_changes
        found = Applied(export_configuration(StationOwner()).text, rows())
        transaction.set_rollback(True)
    clear_cache()
    assert not Camera.objects.exists()
    assert not Schedule.objects.exists()
    return found


def check_round_trip(folder: Path, station: Settings, tree: dict[str, Any]) -> None:
    first = applied(write(folder / "first.yaml", yaml.safe_dump(tree, allow_unicode=True)), station)
    assert PASSWORD not in first.exported
    assert applied(write(folder / "second.yaml", first.exported), station) == first


@examples(25, few=5)
@given(tree=files())
def test_an_export_applied_to_an_empty_station_is_exported_again(
    tmp_path: Path, settings: Settings, tree: dict[str, Any]
) -> None:
    check_round_trip(tmp_path, settings, tree)


@pytest.mark.prove
@examples(200)
@given(tree=files())
def test_many_exports_applied_to_an_empty_station_are_exported_again(
    tmp_path: Path, settings: Settings, tree: dict[str, Any]
) -> None:
    check_round_trip(tmp_path, settings, tree)
