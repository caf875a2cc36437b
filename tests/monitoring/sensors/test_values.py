"""Numbers out of what devices send."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.readings.reading import QUANTITIES
from monitoring.sensors.values import (
    ALIASES,
    UNITS,
    channel_of,
    finite_number,
    parse_json,
    parse_sources,
    quantity_and_unit,
    value_at,
    value_of,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        (1, 1.0), ("1.5", 1.5), (" -2e1 ", -20.0), (True, None), (None, None), ("", None), ("nan", None), ("1_0", None),
        (float("inf"), None), (10**400, None), ("1e999", None), ([1], None), ("0x10", None), ("٣", None),
        ("23,5", 23.5), ("0,125", 0.125), ("1013,25", 1013.25), ("1,013", None), ("1,013.25", None), ("1,2,3", None),
    ],
)  # fmt: skip
def test_a_number_is_finite_and_plain(given_value: Any, expected: float | None) -> None:
    assert finite_number(given_value) == expected


@given(JSON, st.text())
def test_no_document_and_no_path_raise(document: Any, path: str) -> None:
    value_of(value_at(document, path), "temperature")


@given(st.text())
def test_a_channel_is_short_and_printable(name: str) -> None:
    channel = channel_of(name)
    assert 0 < len(channel) <= 80
    assert channel.isprintable()


def test_channels_of_different_names_differ() -> None:
    assert channel_of("a" * 100) != channel_of("a" * 101)
    assert channel_of("roof\u202e") != channel_of("roof")


def test_names_of_quantities_are_known_in_the_forms_of_devices() -> None:
    assert quantity_and_unit(" Wind Speed ") == ("wind", None)
    assert quantity_and_unit("Temp (°F)") == ("temperature", UNITS["°f"])
    assert quantity_and_unit("wind_kmh") == ("wind", UNITS["km/h"])
    assert quantity_and_unit("uptime") == quantity_and_unit("temperature_hpa") == (None, None)
    assert set(ALIASES.values()) | {name for unit in UNITS.values() for name in unit.measures} <= set(QUANTITIES)


@pytest.mark.parametrize(
    ("value", "quantity", "expected"),
    [
        ("23,5 °C", "temperature", 23.5), ("74.3F", "temperature", 23.5), ("47.2'C", "temperature", 47.2),
        ("40 %", "humidity", 40.0), ("101325", "pressure", 1013.25), (1013.25, "pressure", 1013.25),
        ("36 km/h", "wind", 10.0), ("\ufeff3.5", "wind", 3.5), ("40 %", "temperature", None),
        ("12 dogs", "number", None),
        ("23.5 C 40 %", "temperature", None), ("nan °C", "temperature", None), ("1" * 100, "number", None),
    ],
)  # fmt: skip
def test_a_value_is_in_the_unit_of_its_quantity(value: Any, quantity: str, expected: float | None) -> None:
    assert value_of(value, quantity) == expected


def test_a_number_of_json_that_was_not_measured_takes_only_itself() -> None:
    assert parse_json('\ufeff{"t": -nan, "h": 40, "name": "a"}') == {"t": None, "h": 40, "name": "a"}
    assert parse_json(b"[nan,1]") == [None, 1]
    with pytest.raises(ValueError, match="Expecting"):
        parse_json('{"t": nano}')


@pytest.mark.parametrize("text", ["", ",", "temp", "temp=", "=wind", "temp=colour", ", ".join(["a=wind"] * 51)])
def test_other_sources_are_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^values is not valid; .*\.$"):
        parse_sources(text, "values")


def test_a_name_of_a_source_may_hold_an_equals_sign() -> None:
    assert [source.name for source in parse_sources("a=b=wind", "values")] == ["a=b"]
