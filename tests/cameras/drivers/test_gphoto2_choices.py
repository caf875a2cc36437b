"""The texts that cameras offer, read as numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.gphoto2.widgets import (
    SETTINGS,
    Widget,
    choose_format,
    nearest,
    parse_capture_target,
    parse_ev,
    parse_exposure_us,
    parse_f_number,
    parse_iso,
    parse_kinds,
    stops,
)

NIKON = ["JPEG Basic", "JPEG Normal", "JPEG Fine", "NEF (Raw)", "NEF+Basic", "NEF+Fine"]
CANON = ["Large Fine JPEG", "Large Normal JPEG", "Small JPEG", "RAW + Large Fine JPEG", "RAW"]
exposures_us = st.integers(min_value=1, max_value=3_600_000_000)


@pytest.mark.parametrize(
    ("text", "exposure_us"),
    [
        ("1/125", 8_000),
        ("0.5", 500_000),
        ("0,5", 500_000),
        ("30", 30_000_000),
        ("1.0000s", 1_000_000),
        ("1/1.3", 769_231),
        ("13/10", 1_300_000),
        ('2"', 2_000_000),
        ("2''", 2_000_000),
        ("1/125 sec.", 8_000),
        ("30 Seconds", 30_000_000),
        ("2m", 120_000_000),
        ("4m", 240_000_000),
        ("15m", 900_000_000),
        ("60m", 3_600_000_000),
        ("1.5 min", 90_000_000),
        ("1m30s", 90_000_000),
        ("1'30\"", 90_000_000),
    ],
)
def test_exposure_times_are_read_in_every_spelling(text: str, exposure_us: int) -> None:
    assert parse_exposure_us(text) == exposure_us


@pytest.mark.parametrize(
    "text",
    [
        "bulb",
        "B",
        "Time",
        "x 200",
        "Auto",
        "",
        "1/0",
        "0",
        "429496.7295s",
        "-1",
        "٣",
        "1/125 sec. (auto FP)",
        "61m",
        "2m3",
    ],
)
def test_text_without_an_exposure_time_is_none(text: str) -> None:
    assert parse_exposure_us(text) is None


@given(exposures_us)
def test_a_time_in_seconds_is_read_back(exposure_us: int) -> None:
    assert parse_exposure_us(f"{exposure_us / 1_000_000:.6f}s") == exposure_us


@given(st.integers(min_value=1, max_value=1_000_000))
def test_a_fraction_is_read_back(divisor: int) -> None:
    assert parse_exposure_us(f"1/{divisor}") == round(1_000_000 / divisor)


@given(st.text(max_size=20) | st.text("0123456789.,/ mshLHB'", max_size=30) | st.just("9" * 5000))
def test_no_text_breaks_a_parser(text: str) -> None:
    assert (parse_exposure_us(text) or 1) > 0
    assert (parse_f_number(text) or 1) > 0
    assert (parse_iso(text) or 1) > 0
    assert abs(parse_ev(text) or 0) < 1000
    assert parse_kinds(text) <= {"raw", "jpeg", "tiff", "heif"}


@given(st.decimals(min_value="0.5", max_value="128", places=1))
def test_an_f_number_is_read_with_and_without_its_f(f_number: object) -> None:
    assert parse_f_number(f"f/{f_number}") == parse_f_number(str(f_number)) == float(str(f_number))


@given(exposures_us, st.lists(exposures_us, min_size=1))
def test_no_choice_is_nearer_than_the_nearest(wanted: int, offered: list[int]) -> None:
    choice = nearest(["bulb", *map(str, offered)], wanted, parse_iso)
    assert choice is not None
    assert stops(int(choice), wanted) == min(stops(value, wanted) for value in offered)


def test_nearness_is_counted_in_stops() -> None:
    assert nearest(["1/1000", "1/30"], 10_000, parse_exposure_us) == "1/30"


def test_no_number_has_no_nearest() -> None:
    assert nearest(["Bulb", "Auto"], 8_000_000, parse_exposure_us) is None


FUJI = [*(f"{seconds}s" for seconds in (30, 40, 50, 60)), "2m", "4m", "8m", "15m", "30m", "60m", "bulb"]


@pytest.mark.parametrize(
    ("offered", "wanted_s", "chosen"),
    [
        (FUJI, 120, "2m"),
        (FUJI, 60, "60s"),
        (FUJI, 700, "15m"),
        (["15", "30", "B"], 60, "B"),
        (["15", "30", "B"], 30, "30"),
        (["1/125 sec.", "1 sec.", "2 sec."], 1, "1 sec."),
    ],
)
def test_a_long_exposure_is_a_time_of_the_camera_or_else_bulb(offered: list[str], wanted_s: int, chosen: str) -> None:
    widget = Widget(offered[0], offered, read_only=False)
    assert SETTINGS["exposure_us"].choose(widget, wanted_s * 1_000_000) == chosen


def test_the_range_of_minutes_is_up_to_an_hour() -> None:
    assert SETTINGS["exposure_us"].range_of(Widget("30s", FUJI[:-1], read_only=False)).maximum == 3_600_000_000


@pytest.mark.parametrize(
    ("text", "ev"),
    [("+1 2/3", 5 / 3), ("-1/3", -1 / 3), ("-1.7", -1.7), ("+0,3 EV", 0.3), ("0", 0.0), ("1/0", None), ("1 2", None)],
)
def test_stops_are_read_with_points_commas_and_fractions(text: str, ev: float | None) -> None:
    assert parse_ev(text) == (None if ev is None else pytest.approx(ev))


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("100", 100), ("ISO 6400", 6400), ("ISO-400", 400), ("L100", 100), ("L 50", 50), ("25600H", 25_600),
        ("Hi 51200", 51_200), ("100 (L)", 100), ("Auto", None), ("Auto 6400", None), ("Hi 0.3", None), ("H1", None),
        ("Hi-1", None), ("L1.0", None), ("0", None),
    ],
)  # fmt: skip
def test_sensitivities_are_read(text: str, iso: int | None) -> None:
    assert parse_iso(text) == iso


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("RAW + Large Fine JPEG", {"raw", "jpeg"}),
        ("NEF+Fine", {"raw", "jpeg"}),
        ("NEF (Raw)", {"raw"}),
        ("JPEG Fine", {"jpeg"}),
        ("L", set()),
    ],
)
def test_a_format_names_the_files_it_gives(text: str, kinds: set[str]) -> None:
    assert parse_kinds(text) == kinds


@pytest.mark.parametrize(
    ("offered", "current", "wanted", "chosen"),
    [
        (NIKON, "NEF (Raw)", "jpeg", "JPEG Fine"),
        (NIKON, "JPEG Fine", "raw+jpeg", "NEF+Fine"),
        (NIKON, "JPEG Basic", "jpeg", "JPEG Basic"),
        (NIKON, "JPEG Fine", "nef+basic", "NEF+Basic"),
        (CANON, "RAW", "raw+jpeg", "RAW + Large Fine JPEG"),
        (CANON, "RAW", "jpeg", "Large Fine JPEG"),
        (CANON, "RAW", "tiff", None),
        (CANON, "RAW", "", None),
    ],
)
def test_a_format_is_chosen_by_its_name_or_its_kinds(
    offered: list[str], current: str, wanted: str, chosen: str | None
) -> None:
    assert choose_format(offered, current, wanted) == chosen


@pytest.mark.parametrize(
    ("text", "target"), [("Memory card", "card"), ("Internal RAM", "memory"), ("sdram", "memory"), ("Nowhere", None)]
)
def test_a_capture_target_is_the_card_or_the_memory(text: str, target: str | None) -> None:
    assert parse_capture_target(text) == target
