"""The dates of nights in addresses and queries."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field

from cameras.camera_filter import CameraFilter
from core.api.queries import Query
from scheduler.planning.rules import FIRST, LAST


def _parse_month(text: str) -> str:
    first_of_month(text)
    return text


def first_of_month(text: str) -> date:
    """`2026-11`. ValueError with a sentence."""
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        found = date.min
    if len(text) != 7 or not FIRST <= found <= LAST:
        raise ValueError("is not a month. Write one such as 2026-11, from 1950-01 to 2049-12.")
    return found


class MonthQuery(Query):
    month: Annotated[
        str | None, AfterValidator(_parse_month), Field(description="such as 2026-11; by default the present one")
    ] = None


class ReportQuery(Query):
    camera: CameraFilter = None


class NoSuchNight(ValueError):
    def __init__(self, text: str) -> None:
        super().__init__(f"{text[:40]!r} is not a night. Write the date of its evening, such as 2026-11-22.")


def parse_night(text: str) -> date:
    """NoSuchNight for anything but a date from FIRST to LAST."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise NoSuchNight(text) from None
    if len(text) != 10 or not FIRST <= found <= LAST:
        raise NoSuchNight(text)
    return found
