"""What cameras needs from a higher app, plugged in by name and never imported upward.

A system check resolves every path; a test starts a camera process with all consumers and finds no Django in it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

CONSUMERS = {
    "still_writer": "captures.stills.writer.StillWriter",
    "live_publisher": "cameras.live.publisher.LivePublisher",
}
"""Frame consumers of a camera process. Django-free."""

RECORDS = {
    "capture": "captures.ingest.take_capture",
    "gap": "captures.ingest.take_gap",
    "session": "captures.ingest.take_session",
}
"""Kind of spool record -> the function that takes it into the database, idempotent by the record's id."""

PROGRAMMES = {
    "session": "captures.ingest.wished_session",
}
"""Camera -> its session as JSON, or None."""

VERDICTS = {
    "capture": "captures.ingest.settle_unstarted",
    "session": "captures.ingest.refuse_session",
    "overdue": "captures.ingest.overdue",
    "settled": "captures.ingest.is_settled",
}
"""Id -> outcome of what never started, capture or session; what is planned beyond its deadline; whether an id has its
outcome."""

ROOTS = {
    "default": "captures.storage.roots.default_root",
    "own": "captures.storage.roots.own_root",
    "all": "captures.storage.roots.all_roots",
}
"""Host -> the storage root of its new captures as JSON; camera -> a root of its own, or None; host -> all its roots."""

DOORS = {
    "visitor": "skycam_project.access.visitors.visitor_of",
}
"""Headers of a WebSocket or request -> who asks, to be asked again while it lasts."""


def resolve(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)
