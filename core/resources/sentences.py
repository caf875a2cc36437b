"""How people read and write the fields of a model: labels, what is allowed, and what is wrong. Django-free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_origin

from pydantic import (
    BaseModel,
    TypeAdapter,
)
from pydantic.fields import FieldInfo

from core.api.model import describe_allowed, describe_error, join_choices
from core.resources.fields import extra_of
from core.resources.values import Clock, Duration, Reference, choices_of, is_time, marker_of, plain_type, typed
from core.times.durations import format_duration, parse_duration


def read_text(about: FieldInfo, text: str) -> Any:
    """What a person writes, as the model takes it. Numbers and choices stay text, which it reads itself. ValueError
    with a sentence."""
    if marker_of(about, Duration) is not None:
        return parse_duration(text)
    return text.replace(",", " ").split() if get_origin(plain_type(about.annotation)) is list else text


def title_of(name: str, about: FieldInfo) -> str:
    return about.title or name.rstrip("_").removesuffix("_s").replace("_", " ").capitalize()


def allowed_text(model: type[BaseModel], name: str) -> str:
    """What a person may write: `a time such as 2 h, from 0 s to 30 d`, `a whole number from 0 to 3600`."""
    about = model.model_fields[name]
    if words := extra_of(about, "allowed"):
        return str(words)
    if choices := choices_of(about):
        return join_choices(choices)
    if is_time(about):
        return "a date and time such as 2026-11-21 22:00"
    if marker_of(about, Clock) is not None:
        return f"a time such as {extra_of(about, 'example') or '22:00'}"
    if marker_of(about, Reference) is not None:
        return "its name"
    # Of the field alone: another one may have a model that needs the station.
    schema = {**TypeAdapter(typed(about)).json_schema(), "description": about.description}
    words = describe_allowed(schema) if marker_of(about, Duration) is None else describe_duration(schema)
    example = extra_of(about, "example")
    return f"{words}, such as {example}" if example else words


def describe_duration(schema: Mapping[str, Any]) -> str:
    """`a time of at most 30 d`."""
    limits = {"exclusiveMinimum": "above", "maximum": "of at most"}
    # What may be missing is `anyOf` of its type and null.
    found = {**schema, **schema.get("anyOf", [{}])[0]}
    known = [f"{words} {format_duration(found[name])}" for name, words in limits.items() if name in found]
    return " ".join(["a time", " and ".join(known)]).strip()


def sentence_of(model: type[BaseModel], error: Mapping[str, Any]) -> tuple[str, str]:
    """The field of an error that pydantic found, empty for the whole, and what to write there."""
    if name := error.get("ctx", {}).get("field", ""):
        allowed = extra_of(model.model_fields[name], "allowed")
        return name, f"Write {allowed}." if allowed else describe_error(error)
    name = next(
        (name for name, about in model.model_fields.items() if error["loc"][:1] in ((name,), (about.alias,))), ""
    )
    about = model.model_fields.get(name)
    is_of_part = len(error["loc"]) > 1
    if error["type"] == "value_error" or about is None or (is_of_part and not extra_of(about, "allowed")):
        return name, describe_error(error)
    return name, f"{'Choose' if choices_of(about) else 'Write'} {allowed_text(model, name)}."
