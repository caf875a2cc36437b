"""The texts that cameras offer, read as numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.gphoto2.choices import (
    choose_format,
    nearest,
    parse_capture_target,
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
    ],
)
def test_exposure_times_are_read_in_every_spelling(text: str, exposure_us: int) -> None:
    assert parse_exposure_us(text) == exposure_us


@pytest.mark.parametrize("text", ["bulb", "Bulb", "Time", "x 200", "Auto", "", "1/0", "0", "429496.7295s", "-1", "٣"])
def test_text_without_an_exposure_time_is_none(text: str) -> None:
    assert parse_exposure_us(text) is None


@given(exposures_us)
def test_a_time_in_seconds_is_read_back(exposure_us: int) -> None:
    assert parse_exposure_us(f"{exposure_us / 1_000_000:.6f}s") == exposure_us


@given(st.integers(min_value=1, max_value=1_000_000))
def test_a_fraction_is_read_back(divisor: int) -> None:
    assert parse_exposure_us(f"1/{divisor}") == round(1_000_000 / divisor)


@given(st.text(max_size=20))
def test_no_text_breaks_a_parser(text: str) -> None:
    assert (parse_exposure_us(text) or 1) > 0
    assert (parse_f_number(text) or 1) > 0
    assert (parse_iso(text) or 1) > 0
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


@pytest.mark.parametrize(("text", "iso"), [("100", 100), ("ISO 6400", 6400), ("Auto", None), ("Hi 0.3", None)])
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
