"""Validation of addresses and settings by the driver, before anything is stored or sent."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import pydantic
from django.conf import settings
from django.core.exceptions import ValidationError

from cameras.drivers import DRIVERS, driver_class
from cameras.drivers.abilities import NetworkDevice
from core.api.model import describe_allowed, describe_error, join_choices
from core.outgoing import AddressRefused, literal_address
from core.text.sentences import did_you_mean
from core.times.durations import format_exposure


def checked_address(kind: str, address: str) -> str:
    """The address in its normal form; ValueError with a sentence that says what is allowed."""
    if kind not in DRIVERS:
        raise ValueError(f"There is no kind {kind!r}; known are: {', '.join(sorted(DRIVERS))}.")
    # Only video files in the configured folders: otherwise a manager could have any file of the machine opened.
    return driver_class(kind).check_address(address, [str(folder) for folder in settings.STATION.sources])


def check_destination(kind: str, address: str) -> None:
    """ValueError for an IP address that the station may not connect to. Host names are resolved and checked by the
    camera's process, each time that it connects."""
    driver = driver_class(kind)
    destination = driver.destination(address) if issubclass(driver, NetworkDevice) else None
    if destination is None:
        return
    try:
        # Nothing is resolved here: a name may have another address when the camera's process connects.
        literal = literal_address(destination[0])
        if literal is not None:
            settings.STATION.outgoing.check(literal, destination[1])
    except AddressRefused as error:
        raise ValueError(f"This address {error}") from None


def checked_settings(kind: str, values: Any, able: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The settings as the driver's model dumps them, without those left to the camera. ValidationError with one
    sentence for each bad value. `able` are one camera's ranges (`capabilities["settings"]`)."""
    if kind not in DRIVERS:
        raise ValidationError(f"There is no kind {kind!r}; known are: {', '.join(sorted(DRIVERS))}.")
    try:
        model = driver_class(kind).settings_model.model_validate(values)
    except pydantic.ValidationError as error:
        raise ValidationError([setting_sentence(kind, item, able or {}) for item in error.errors()]) from None
    return model.model_dump(mode="json", exclude_none=True)


def setting_sentence(kind: str, item: Any, able: Mapping[str, Any]) -> str:
    """`gain: 'high' is not allowed; allowed is a number from 0 to 1000. This camera has 0 to 24 dB.`"""
    known = settings_schema(kind)["properties"]
    if not item["loc"]:
        return describe_error(item)
    name = str(item["loc"][0])
    if name not in known:
        # The ranges of the camera are a better list than all settings of its kind, but it has none before its first
        # opening.
        names = list(able) or list(known)
        meant = did_you_mean(name, names)
        return f"{name}: There is no such setting.{meant} This camera has: {', '.join(names)}."
    # A list or an object is not quoted: it may be as long as the request.
    value = item["input"] if isinstance(item["input"], str | bool | int | float) else "This"
    has = f" This camera has {limits}." if (limits := has_range(name, able.get(name) or {})) else ""
    return f"{name}: {value!r} is not allowed; allowed is {describe_allowed(known[name])}.{has}"


def has_range(name: str, limits: Mapping[str, Any]) -> str:
    """`20 µs to 2 s`, `0 to 24 dB`, `100, 200 or 400`; empty when the camera reports no range."""
    if choices := limits.get("choices"):
        return join_choices([shown_value(name, choice) for choice in choices])
    least, most = limits.get("minimum"), limits.get("maximum")
    if least is None or most is None:
        return ""
    unit = "" if name == "exposure_us" else limits.get("unit") or ""
    return f"{shown_value(name, least)} to {shown_value(name, most)} {unit}".rstrip()


def shown_value(name: str, value: Any) -> str:
    if name == "exposure_us" and isinstance(value, int | float):
        return format_exposure(value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def sentence(item: Any) -> str:
    """One line of a pydantic error: `gain: must be at least 0.`"""
    where = ".".join(str(part) for part in item["loc"])
    return f"{where}: {describe_error(item)}" if where else describe_error(item).capitalize()


@functools.cache
def settings_schema(kind: str) -> dict[str, Any]:
    """The JSON schema of a kind's settings. Do not modify it."""
    return driver_class(kind).settings_model.model_json_schema()
