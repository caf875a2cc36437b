"""The zone of this machine's clock, and times that name a zone as clocks do."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.times import zones
from core.times.time_parsing import InvalidDateTime, datetime_in_zone

VIENNA = ZoneInfo("Europe/Vienna")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the files that say the zone of a machine."""
    monkeypatch.setattr(zones, "LOCALTIME", tmp_path / "localtime")
    monkeypatch.setattr(zones, "TIMEZONE", tmp_path / "timezone")
    monkeypatch.setenv("TZ", "America/New_York")
    zones.machine_zone_name.cache_clear()
    yield tmp_path
    zones.machine_zone_name.cache_clear()


def zone_file(name: str) -> Path:
    return next(path for folder in zoneinfo.TZPATH if (path := Path(folder, name)).is_file())


def test_a_link_into_the_zone_database_names_the_zone_of_the_machine(machine: Path) -> None:
    (machine / "localtime").symlink_to(zone_file("Asia/Tokyo"))
    assert zones.machine_zone_name() == "Asia/Tokyo"


def test_a_copied_zone_has_the_name_that_the_machine_writes_beside_it(machine: Path) -> None:
    (machine / "localtime").write_bytes(zone_file("Asia/Tokyo").read_bytes())
    (machine / "timezone").write_text("Asia/Tokyo\n")
    assert zones.machine_zone_name() == "Asia/Tokyo"


def test_a_copied_zone_without_a_name_is_found_by_its_content(machine: Path) -> None:
    (machine / "localtime").write_bytes(zone_file("Asia/Kathmandu").read_bytes())
    assert zone_file(zones.machine_zone_name()).read_bytes() == zone_file("Asia/Kathmandu").read_bytes()


def test_a_machine_without_a_zone_is_in_utc(machine: Path) -> None:
    assert zones.machine_zone_name() == "UTC"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-26 16:02:00", datetime(2026, 11, 26, 15, 2, tzinfo=UTC)),
        ("2026-11-26 16:02:00 CET", datetime(2026, 11, 26, 15, 2, tzinfo=UTC)),
        ("2026-11-26 16:02:00 UTC", datetime(2026, 11, 26, 16, 2, tzinfo=UTC)),
        ("2026-11-26T16:02:00Z", datetime(2026, 11, 26, 16, 2, tzinfo=UTC)),
        ("2026-10-25 02:30:00 CEST", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25 02:30:00 CET", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_time_that_was_printed_can_be_typed(text: str, expected: datetime) -> None:
    assert datetime_in_zone(text, VIENNA).astimezone(UTC) == expected


@pytest.mark.parametrize("text", ["2026-11-26 16:02:00 CEST", "2026-11-26 16:02:00 JST", "tomorrow CET"])
def test_a_zone_that_the_clock_does_not_show_then_is_refused(text: str) -> None:
    with pytest.raises(InvalidDateTime, match="is not a date and time"):
        datetime_in_zone(text, VIENNA)
