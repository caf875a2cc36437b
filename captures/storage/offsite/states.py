"""The states of a copy. Each start imports them, so this imports no description."""

from __future__ import annotations

from enum import StrEnum


class CopyState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    VERIFIED = "verified"
    DEAD = "dead"
    GONE = "gone"


COPY_TRANSITIONS: dict[str, set[str]] = {
    "queued": {"sending"},
    "sending": {"verified", "queued", "dead", "gone"},
    "verified": {"queued", "dead"},
    "dead": {"queued"},
    "gone": set(),
}
"""Dead: what no retry mends, until a person retries it. Gone: the file was deleted on its host before it was copied. A
copy that turns out to be damaged at the far end is queued again, or is dead while its file is at other destinations
alone: there is nothing here to send."""
WAITING = (CopyState.QUEUED.value, CopyState.SENDING.value)
