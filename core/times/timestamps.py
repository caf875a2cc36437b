"""Times in the API's bodies, in notices and on the command line: `2026-11-21T02:07:10.123Z`."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(at: datetime) -> str:
    """The aware time `at` in UTC, as ISO 8601 with milliseconds and Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def stamp_or_none(at: datetime | None) -> str | None:
    return stamp(at) if at is not None else None


def stamp_ms(at_ms: int) -> str:
    """The same for milliseconds since 1970."""
    return stamp(datetime.fromtimestamp(at_ms / 1000, UTC))
