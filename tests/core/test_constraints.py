"""Constraints and validation errors in words."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from core.api.model import StrictModel, describe_allowed, describe_error, reject_boolean


class Shape(BaseModel, extra="forbid"):
    height: float | None = Field(None, ge=0, le=9.5)
    sides: int | None = Field(None, gt=2)
    width: int | None = Field(None, ge=2, le=10, multiple_of=2, description="pixels")
    colour: Literal["red", "green", "blue"] | None = None
    name: str | None = Field(None, max_length=5)
    hollow: bool = False


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("height", "a number from 0 to 9.5"),
        ("sides", "a whole number above 2"),
        ("width", "a whole number of pixels from 2 to 10, a multiple of 2"),
        ("colour", "red, green or blue"),
        ("name", "a text of at most 5 characters"),
        ("hollow", "true or false"),
    ],
)
def test_a_property_is_described_in_words(name: str, words: str) -> None:
    assert describe_allowed(Shape.model_json_schema()["properties"][name]) == words


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"height": -1}, "must be at least 0."),
        ({"height": 10}, "must be at most 9.5."),
        ({"height": "tall"}, "must be a number."),
        ({"sides": 2}, "must be above 2."),
        ({"sides": 2.5}, "must be a whole number."),
        ({"width": 3}, "must be a multiple of 2."),
        ({"colour": "grey"}, "must be 'red', 'green' or 'blue'."),
        ({"name": "hexagon"}, "may have at most 5 characters."),
        ({"hollow": "very"}, "must be true or false."),
        ({"depth": 1}, "is not known here."),
    ],
)
def test_a_validation_error_is_described_in_words(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Shape.model_validate(values)
    assert describe_error(dict(caught.value.errors()[0])) == words


def test_booleans_are_accepted_only_for_boolean_fields() -> None:
    assert reject_boolean(1.0, float | None) == 1.0
    assert reject_boolean(True, bool) is True
    assert reject_boolean(False, bool | None) is False
    with pytest.raises(ValueError, match="must be a number, not true or false"):
        reject_boolean(True, float | None)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_infinite_numbers_and_nan_are_refused(value: float) -> None:
    class Lens(StrictModel):
        f_number: Annotated[float, Field(ge=0, le=128)]

    with pytest.raises(ValidationError) as caught:
        Lens(f_number=value)
    assert describe_error(dict(caught.value.errors()[0])) == "must be a finite number."
