"""Notices of new readings for open pages and programs, over Redis pub/sub."""

from __future__ import annotations

from typing import TypedDict

from core.broker.notices import NoticeKind


class ReadingBody(TypedDict):
    """`value` is null while the channel is missing."""

    sensor: str
    channel: str
    quantity: str
    value: float | None
    quality: str
    at: str


class ReadingsNotice(TypedDict):
    readings: list[ReadingBody]


READINGS: NoticeKind[ReadingsNotice] = NoticeKind("readings")
