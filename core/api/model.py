"""The base of all models that validate user input, and their constraints in words: of a property in a JSON schema,
and of an error that pydantic found."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, TypeGuard, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

LIMITS = {"maximum": "at most", "exclusiveMaximum": "below", "minimum": "at least", "exclusiveMinimum": "above"}
UNITS = ("microseconds", "pixels", "kelvin")
"""Descriptions of a property that name its unit."""
MESSAGES: dict[str, str] = {
    "greater_than": "must be above {gt}.",
    "greater_than_equal": "must be at least {ge}.",
    "less_than": "must be below {lt}.",
    "less_than_equal": "must be at most {le}.",
    "multiple_of": "must be a multiple of {multiple_of}.",
    "string_too_long": "may have at most {max_length} characters.",
    "string_too_short": "must have at least {min_length} characters.",
    "missing": "is missing.",
    "finite_number": "must be a finite number.",
    "number_not_boolean": "must be a number, not true or false.",
    "string_pattern_mismatch": "must match the pattern {pattern}.",
    "too_long": "may have at most {max_length} items.",
    "too_short": "must have at least {min_length} items.",
    "timezone_aware": "needs a time zone, such as Z or +02:00.",
    "none_required": "must be null.",
}
PATTERNS = {
    r"^[^\x00]*$": "may not contain the character NUL.",
    r"^[a-z0-9-]+$": "may have small letters, digits and hyphens only.",
    r"^([01][0-9]|2[0-3]):[0-5][0-9]$": "must be a time of day such as 21:30.",
}
"""Patterns that a person need not read."""
TYPE_MESSAGES = {
    "int": "must be a whole number.",
    "float": "must be a number.",
    "bool": "must be true or false.",
    "dict": "must be an object.",
    "model": "must be an object.",
    "list": "must be a list.",
    "string": "must be a text.",
    "date": "must be a date.",
    "datetime": "must be a time.",
    "time": "must be a time of day.",
    "uuid": "must be an id.",
}


def describe_allowed(schema: Mapping[str, Any]) -> str:
    """`a number from 0 to 1000`, `a whole number of pixels, at least 16`, `true or false`, `card or memory`."""
    # An optional value is `anyOf` of its type and null; null is not worth a word.
    of_value = next((one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"), schema)
    if "enum" in of_value:
        return join_choices([str(value) for value in of_value["enum"]])
    unit = f" of {schema['description']}" if schema.get("description") in UNITS else ""
    return f"{describe_type(of_value)}{unit}{describe_limits(of_value)}"


def describe_type(schema: Mapping[str, Any]) -> str:
    kinds = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "a text"}
    return kinds.get(str(schema.get("type")), "another value")


def describe_limits(schema: Mapping[str, Any]) -> str:
    multiple = f", a multiple of {format_number(schema['multipleOf'])}" if "multipleOf" in schema else ""
    if "minimum" in schema and "maximum" in schema:
        return f" from {format_number(schema['minimum'])} to {format_number(schema['maximum'])}{multiple}"
    limits = [f"{words} {format_number(schema[name])}" for name, words in LIMITS.items() if name in schema]
    long = [f"of at most {schema['maxLength']} characters"] if "maxLength" in schema else []
    return "".join([f" {' and '.join(limits)}" if limits else "", multiple, *(f" {words}" for words in long)])


def join_choices(choices: list[str]) -> str:
    *most, last = choices
    return f"{', '.join(most)} or {last}" if most else last


def format_number(number: float) -> str:
    return f"{number:.12g}"


def describe_error(error: Mapping[str, Any]) -> str:
    """One item of a pydantic error in words: `must be at least 1.`"""
    kind, context = str(error["type"]), error.get("ctx") or {}
    if kind == "string_pattern_mismatch" and context["pattern"] in PATTERNS:
        return PATTERNS[context["pattern"]]
    if kind in MESSAGES:
        return MESSAGES[kind].format(
            **{name: format_number(found) if is_number(found) else found for name, found in context.items()}
        )
    if kind in {"literal_error", "enum"}:
        return f"must be {context['expected']}."
    if kind == "extra_forbidden":
        return "is not known here."
    begun = kind.partition("_")[0]
    # Types of errors are named after the expected type: int_parsing, int_type, int_from_float.
    return TYPE_MESSAGES.get(begun, str(error["msg"]).removeprefix("Value error, "))


def error_sentence(error: Mapping[str, Any]) -> str:
    """`severity must be 'info' or 'error'.`, or the sentence of a rule of ours."""
    words = describe_error(error)
    if error["type"] == "value_error":
        return words
    return f"{'.'.join(map(str, error['loc'])) or 'This'} {words}"


def reject_boolean(value: Any, annotation: Any) -> Any:
    """Returns the value. Refuses true and false, alone or in a list, where the annotation accepts numbers but no bool:
    in Python they equal 1 and 0."""
    if contains_boolean(value) and accepts_type(annotation, int, float) and not accepts_boolean(annotation):
        raise PydanticCustomError("number_not_boolean", "must be a number, not true or false.")
    return value


def contains_boolean(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, list | tuple) and any(map(contains_boolean, value)))


def accepts_boolean(annotation: Any) -> bool:
    """Whether a value of this annotation may contain a bool. A nested model checks its own fields."""
    return accepts_type(annotation, bool, Any, BaseModel)


# Cached, since it runs for each field of each request.
@functools.cache
def accepts_type(annotation: Any, *kinds: Any) -> bool:
    """Whether the annotation contains one of these types."""
    if annotation in kinds or (
        BaseModel in kinds and isinstance(annotation, type) and issubclass(annotation, BaseModel)
    ):
        return True
    return any(accepts_type(part, *kinds) for part in get_args(annotation) if is_type(part))


def is_type(part: Any) -> bool:
    """False for the metadata of `Annotated` and the values of `Literal`."""
    return isinstance(part, type) or part is Any or bool(get_args(part))


def is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


class StrictModel(BaseModel):
    """Pydantic reads true as 1 and false as 0; this model accepts them only for boolean fields. It also refuses NaN and
    the infinities."""

    # defer_build: a program that uses few of the models builds few validators. From pydantic 2.14 on, threads that use
    # a model for the first time at once build it one after the other.
    model_config = ConfigDict(allow_inf_nan=False, defer_build=True)

    @field_validator("*", mode="before")
    @classmethod
    def refuse_booleans_as_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        return reject_boolean(value, cls.model_fields[str(info.field_name)].annotation)
