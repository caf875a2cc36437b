"""The gates of this host: conditions under which sessions take captures (docs/operating/gates.md)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from core.text.names import NAME_PATTERN
from skycam_project.config.keys import NAME, SECONDS, YES_NO, Section, key

LIMIT = "a number"
WORDS = 'a list of words; write numbers and words such as yes, no, on, off, true and false in quotes: ["true"]'
FROM_0 = "a number of seconds from 0 to 86400"
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
NOT_IN_HEADERS = re.compile(r"[\x00-\x1f\x7f]")
SOURCES = ("file", "http", "command", "sensor", "camera", "disk", "clock")
SHORTEST_SECRET = 8
ONE_SOURCE = f"give exactly one of {', '.join(SOURCES[:-1])} and {SOURCES[-1]}."


class GateSourceConfig(Section):
    """Where the value of a gate comes from."""

    file: Path | None = key(None, "File whose text is the value.", "a file's path", unset="none")
    http: str | None = key(
        None, "Address whose answer to a GET request is the value.", "an http:// or https:// URL without a login",
        unset="none",
    )  # fmt: skip
    json_path: str = key(
        "", "With `http`: the answer is JSON, and the value is at this path.",
        "names and places in lists such as weather.0.rain", alias="json", unset="the whole answer",
        pattern=r"^[^.]+(\.[^.]+)*$",
    )  # fmt: skip
    headers: dict[str, str] = key(
        {}, "With `http`: headers of the request, for example a token.", "a mapping of header names to texts",
        secret=True, unset="none",
    )  # fmt: skip
    command: list[str] = key(
        [], "Command whose output is the value. It runs without a shell.", "a list: a program and its arguments",
        unset="none", max_length=100,
    )  # fmt: skip
    sensor: str | None = key(
        None, "Sensor whose newest reading is the value (docs/operating/sensors.md).",
        "a sensor's name, and after a colon its channel or quantity if it has several: balcony:temperature",
        unset="none", pattern=r"^[a-z0-9-]{1,40}(:.{1,80})?$",
    )  # fmt: skip
    camera: Literal["temperature", "battery"] | None = key(
        None, "Value of each camera itself: its temperature in °C or its battery in percent.",
        "temperature or battery", unset="none",
    )  # fmt: skip
    disk: Literal["free_bytes", "free_percent"] | None = key(
        None, "Free space of the disk of each camera's captures.", "free_bytes or free_percent", unset="none"
    )
    clock: Literal["synchronised"] | None = key(
        None, "Whether the machine's clock is synchronised: `synchronised` or `unsynchronised`.", "synchronised",
        unset="none",
    )  # fmt: skip

    @field_validator("http")
    @classmethod
    def is_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        # Raises ValueError for a port that is no number. In a request line a space would end the address.
        is_bad = parts.port == 0 or parts.scheme not in {"http", "https"} or not parts.hostname
        if is_bad or parts.username is not None or not value.isascii() or re.search(r"[\x00-\x20\x7f]", value):
            raise ValueError
        return value

    @field_validator("headers")
    @classmethod
    def are_headers(cls, value: dict[str, str]) -> dict[str, str]:
        if not all(HEADER_NAME.fullmatch(name) and not NOT_IN_HEADERS.search(text) for name, text in value.items()):
            raise ValueError
        return value

    @model_validator(mode="after")
    def is_one_source(self) -> Self:
        if sum(bool(getattr(self, name)) for name in SOURCES) != 1:
            raise ValueError(ONE_SOURCE)
        if self.http is None and (self.json_path or self.headers):
            raise ValueError("json and headers belong to http.")
        return self


class GateConfig(Section):
    name: str = key(..., "Name of the gate, unique on this host.", NAME, pattern=NAME_PATTERN)
    source: GateSourceConfig = key(..., "Where its value comes from.", "a mapping with one of the keys below")
    unsafe_above: float | None = key(None, "The value is unsafe above this limit.", LIMIT, unset="none")
    unsafe_below: float | None = key(None, "The value is unsafe below this limit.", LIMIT, unset="none")
    safe_below: float | None = key(
        None, "A closed gate opens at or below this value.", "a number, at most `unsafe_above`", unset="`unsafe_above`"
    )
    safe_above: float | None = key(
        None, "A closed gate opens at or above this value.", "a number, at least `unsafe_below`",
        unset="`unsafe_below`",
    )  # fmt: skip
    safe_values: list[str] = key(
        [], "Words that are safe. Without `unsafe_values`, all others are unsafe.", WORDS, unset="none"
    )
    unsafe_values: list[str] = key([], "Words that are unsafe. A word in neither list is unknown.", WORDS, unset="none")
    unsafe_for_s: float = key(
        0.0, "Seconds that a value must be unsafe before the gate closes.", FROM_0, ge=0, le=86400
    )
    safe_for_s: float = key(60.0, "Seconds that a value must be safe before the gate opens.", FROM_0, ge=0, le=86400)
    every_s: float = key(10.0, "Seconds between two readings.", "a number of seconds from 0.5 to 3600", ge=0.5, le=3600)
    deadline_s: float = key(
        5.0, "Seconds that a command or an HTTP address may take.", "a number of seconds from 0.1 to 300", ge=0.1,
        le=300,
    )  # fmt: skip
    max_age_s: float = key(120.0, "Age at which a file is too old, by the time of its last change.", SECONDS, gt=0)
    cameras: list[str] = key([], "Cameras whose sessions it gates.", "a list of cameras' ids", unset="all of the host")
    unknown: Literal["unsafe", "safe"] = key("unsafe", "What an unknown value counts as.", "unsafe or safe")
    enabled: bool = key(True, "Whether the gate is used.", YES_NO)

    @field_validator("safe_values", "unsafe_values")
    @classmethod
    def normalise_words(cls, values: list[str]) -> list[str]:
        found = [value.strip().casefold() for value in values]
        if not all(found):
            raise ValueError
        return found

    @model_validator(mode="after")
    def has_rules(self) -> Self:
        if not (self.has_limits or self.safe_values or self.unsafe_values):
            if self.source.clock is None:
                raise ValueError("give a limit (unsafe_above, unsafe_below) or words (safe_values, unsafe_values).")
            # `frozen` is for the users of the configuration.
            object.__setattr__(self, "safe_values", ["synchronised"])
        if both := set(self.safe_values) & set(self.unsafe_values):
            raise ValueError(f"{', '.join(sorted(both))} is in safe_values and in unsafe_values.")
        return self

    @model_validator(mode="after")
    def limits_in_order(self) -> Self:
        if not is_ordered(self.safe_below, self.unsafe_above):
            raise ValueError("safe_below needs unsafe_above and must not be above it.")
        if self.safe_above is not None and not (self.unsafe_below is not None and self.safe_above >= self.unsafe_below):
            raise ValueError("safe_above needs unsafe_below and must not be below it.")
        lowest = self.unsafe_below if self.safe_above is None else self.safe_above
        highest = self.unsafe_above if self.safe_below is None else self.safe_below
        if lowest is not None and highest is not None and lowest > highest:
            raise ValueError("no value can be safe: the limits leave nothing between them.")
        return self

    @property
    def has_limits(self) -> bool:
        return self.unsafe_above is not None or self.unsafe_below is not None


def is_ordered(lower: float | None, upper: float | None) -> bool:
    return lower is None or (upper is not None and lower <= upper)


def check_names(gates: list[GateConfig]) -> list[GateConfig]:
    """ValueError if two gates have the same name."""
    names = [gate.name for gate in gates]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two gates have the name {twice[0]}; give each its own.")
    return gates


def header_secrets(gates: Iterable[Any]) -> list[str]:
    """The texts of headers, which may be tokens, whole and in their words. Short words are no secrets."""
    texts = [text for gate in gates for text in gate.source.headers.values()]
    return [word for text in texts for word in (text, *text.split()) if len(word) >= SHORTEST_SECRET]
