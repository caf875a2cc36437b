"""Bodies of requests about sensors."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from core.api.model import StrictModel
from core.text.names import Line

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
ROUTES = frozenset({"add", "detect", "now", "test"})
"""Names that are routes of the API or pages."""
LONGEST_INTERVAL_S = 86_400.0
LARGEST = 1e12


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def check_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(
            "A name has 1 to 40 lower-case letters, digits and hyphens; a hyphen is neither first nor last."
        )
    if name in ROUTES:
        raise ValueError(f"A sensor cannot be called {name}: that is a route of the station.")
    return name


Name = Annotated[str, AfterValidator(check_name), Field(max_length=300)]
Label = Annotated[Line, BeforeValidator(_stripped), Field(max_length=80)]
Host = Annotated[Line, BeforeValidator(_stripped), Field(min_length=1, max_length=60)]
Interval = Annotated[float, Field(gt=0, le=LONGEST_INTERVAL_S)]
Limit = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
Settings = Annotated[dict[Annotated[str, Field(max_length=60)], Any], Field(max_length=60)]


class SensorTestRequest(StrictModel):
    """Settings to try. `host` is this one if it is missing."""

    model_config = ConfigDict(extra="forbid", strict=True)
    kind: Annotated[str, Field(max_length=40)]
    host: Host | None = None
    settings: Settings = {}


class SensorRequest(SensorTestRequest):
    """A new sensor. Without an interval it gets 2 s, or the shortest one of its kind."""

    name: Name
    label: Label = ""
    enabled: bool = True
    interval_s: Interval | None = None


class SensorChange(StrictModel):
    """Only the fields that are given change; so it is with the settings. null gives a setting its default, and ***
    keeps a secret."""

    model_config = ConfigDict(extra="forbid", strict=True)
    label: Label | None = None
    host: Host | None = None
    enabled: bool | None = None
    interval_s: Interval | None = None
    settings: Settings | None = None


class StoredTestRequest(StrictModel):
    """Changed settings to try with a stored sensor."""

    model_config = ConfigDict(extra="forbid", strict=True)
    settings: Settings = {}


class ChannelChange(StrictModel):
    """Only the fields that are given change. null removes a limit."""

    model_config = ConfigDict(extra="forbid", strict=True)
    label: Label = ""
    main: bool = False
    hidden: bool = False
    lowest: Limit | None = None
    highest: Limit | None = None
    offset: Limit = 0.0
