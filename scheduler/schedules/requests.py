"""The programme of a schedule, validated before a row is written."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from captures.sessions.requests import SessionRequest


class ScheduleProgramme(SessionRequest):
    """As for a session, without the fields that the schedule decides."""

    @field_validator("until", "windows", "name")
    @classmethod
    def _refuse_times(cls, value: Any) -> Any:
        if value:
            raise ValueError("belongs to the schedule: its window says when it captures, and it has a name.")
        return value
