"""The kinds of events that a web-hook can get, and the patterns by which it chooses them. Django-free."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

TEST_KIND = "webhook.test"
"""The event of a test. Its web-hook gets it whatever its kinds are, and no other one does."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "alert": ("acknowledged", "opened", "resolved", "silenced", "unsilenced"),
    "archive": ("completed", "extended", "incomplete", "requested", "verified"),
    "backup": ("failed", "made"),
    "camera": (
        "added", "audience", "changed", "clock", "faults", "ladder", "released", "removed", "settings", "state",
        "taken",
    ),
    "capture": ("adopted", "deleted", "failed", "pinned", "restored", "skipped", "trashed"),
    "database": ("moved",),
    "experiment": (
        "aborted", "archived", "attached", "changed", "completed", "created", "interrupted", "linked", "noted",
        "recording", "released", "resumed", "started", "stills", "suspended",
    ),
    "files": ("action", "exported"),
    "gate": ("closed", "opened"),
    "host": (
        "drained", "draining", "files_forgotten", "invitation_used_twice", "invitation_withdrawn", "invited", "joined",
        "retired", "session_stopped", "undrained",
    ),
    "job": ("failed",),
    "live": ("ended",),
    "maintenance": ("added", "ended", "removed"),
    "night": ("reported",),
    "notification": ("added", "changed", "failed", "removed", "sent"),
    "offsite": ("added", "changed", "damaged", "dead", "gone", "pinned", "removed", "restored", "retried"),
    "part": ("restarted",),
    "recording": ("deleted", "failed", "lost", "pinned", "started", "stopped"),
    "rule": ("added", "changed", "removed"),
    "schedule": ("added", "changed", "night", "removed"),
    "sensor": ("added", "changed", "events_lost", "missing", "readings_lost", "removed", "returned"),
    "session": (
        "finished", "gap", "handed_over", "held", "paused", "rejected", "resumed", "started", "stopped", "waiting",
    ),
    "spool": ("recovered", "rejected"),
    "station": ("activated", "settings", "support_bundle"),
    "storage": (
        "adopted", "cleaned", "clock_confirmed", "failed", "full", "last_floor", "moved", "room", "set_aside",
        "unmounted",
    ),
    "telescope": ("list_added", "list_changed", "night_missed"),
    "user": ("changed", "denied", "signed_in"),
}  # fmt: skip
"""The part of a kind before its dot -> the parts after it."""

EXCLUDED = frozenset({"capture.saved", "recording.rotated", "command", "command.done", "command.failed"})
"""Kinds that no web-hook can get, because there are as many as captures, clips and requests. The events of web-hooks
themselves are the others: one that fails would cause its own next event."""

KINDS = frozenset(f"{family}.{what}" for family, parts in FAMILIES.items() for what in parts)
ALL = "*"
MAX_PATTERNS = 60


class UnknownKind(ValueError):
    """The message says what is allowed."""


def check_patterns(patterns: Iterable[str]) -> list[str]:
    """The patterns without repetitions, sorted. Raises UnknownKind."""
    found = sorted({pattern.strip() for pattern in patterns})
    if not found:
        raise UnknownKind("Choose at least one kind, such as alert.opened or session.*.")
    if len(found) > MAX_PATTERNS:
        raise UnknownKind(f"At most {MAX_PATTERNS} kinds are allowed. Choose a family, such as session.*.")
    for pattern in found:
        if pattern not in KINDS and pattern not in family_patterns():
            raise UnknownKind(refusal(pattern))
    return found


def family_patterns() -> list[str]:
    """`*`, `alert.*`, `camera.*` ..."""
    return [ALL, *(f"{family}.*" for family in FAMILIES)]


def refusal(pattern: str) -> str:
    shown = pattern[:60]
    if pattern in EXCLUDED or pattern.startswith("webhook."):
        return f"Web-hooks do not get events of the kind {shown}."
    known = [*family_patterns(), *sorted(KINDS)]
    near = difflib.get_close_matches(shown, known, n=1, cutoff=0.75)
    hint = f" Did you mean {near[0]}?" if near else " Examples are alert.opened, session.* and *."
    return f"No event is of the kind {shown!r}.{hint}"


def matches(patterns: Iterable[str], kind: str) -> bool:
    """Whether a web-hook with these patterns gets events of this kind."""
    return bool({ALL, kind, f"{kind.partition('.')[0]}.*"}.intersection(patterns))
