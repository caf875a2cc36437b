"""Numbers out of what devices send."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.sensors.quantities import QUANTITIES
from monitoring.sensors.values import ALIASES, channel_of, finite_number, parse_sources, quantity_of, value_at

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        (1, 1.0), ("1.5", 1.5), (" -2e1 ", -20.0), (True, None), (None, None), ("", None), ("nan", None), ("1_0", None),
        (float("inf"), None), (10**400, None), ("1e999", None), ([1], None), ("0x10", None), ("٣", None),
    ],
)  # fmt: skip
def test_a_number_is_finite_and_plain(given_value: Any, expected: float | None) -> None:
    assert finite_number(given_value) == expected


@given(JSON, st.text())
def test_no_document_and_no_path_raise(document: Any, path: str) -> None:
    finite_number(value_at(document, path))


@given(st.text())
def test_a_channel_is_short_and_printable(name: str) -> None:
    channel = channel_of(name)
    assert 0 < len(channel) <= 80
    assert channel.isprintable()


def test_channels_of_different_names_differ() -> None:
    assert channel_of("a" * 100) != channel_of("a" * 101)
    assert channel_of("roof\u202e") != channel_of("roof")


def test_names_of_quantities_are_known_in_the_forms_of_devices() -> None:
    assert quantity_of(" Wind Speed ") == "wind"
    assert quantity_of("uptime") is None
    assert set(ALIASES.values()) <= set(QUANTITIES)


@pytest.mark.parametrize("text", ["", ",", "temp", "temp=", "=wind", "temp=colour", ", ".join(["a=wind"] * 51)])
def test_other_sources_are_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^values is not valid; .*\.$"):
        parse_sources(text, "values")


def test_a_name_of_a_source_may_hold_an_equals_sign() -> None:
    assert [source.name for source in parse_sources("a=b=wind", "values")] == ["a=b"]
