"""Addresses and settings of a camera, checked by its driver before anything is stored or sent."""

from __future__ import annotations

import functools
from typing import Any

import pydantic
from django.conf import settings
from django.core.exceptions import ValidationError

from cameras.drivers import DRIVERS, driver_class


def checked_address(kind: str, address: str) -> str:
    """The address in its normal form; ValueError with a sentence that says what is allowed."""
    if kind not in DRIVERS:
        raise ValueError(f"There is no kind {kind!r}; known are: {', '.join(sorted(DRIVERS))}.")
    return driver_class(kind).check_address(address, [str(folder) for folder in settings.STATION.sources])


def checked_settings(kind: str, values: Any) -> dict[str, Any]:
    """The settings as the driver's model dumps them, without those left to the camera; ValidationError
    with one sentence for each bad value."""
    if kind not in DRIVERS:
        raise ValidationError(f"There is no kind {kind!r}; known are: {', '.join(sorted(DRIVERS))}.")
    try:
        model = driver_class(kind).Settings.model_validate(values)
    except pydantic.ValidationError as error:
        raise ValidationError([sentence(item) for item in error.errors()]) from None
    return model.model_dump(mode="json", exclude_none=True)


def sentence(item: Any) -> str:
    """One line of a pydantic error: `gain: Input should be greater than or equal to 0`."""
    where = ".".join(str(part) for part in item["loc"])
    return f"{where}: {item['msg']}" if where else str(item["msg"])


@functools.cache
def settings_schema(kind: str) -> dict[str, Any]:
    """The JSON schema of a kind's settings. Not to be written to."""
    return driver_class(kind).Settings.model_json_schema()
