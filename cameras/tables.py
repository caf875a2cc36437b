"""What cameras needs from a higher app, plugged in by name and never imported upward.

A system check resolves every path; a test starts a camera process with all consumers and finds no Django in it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

CONSUMERS = {
    "still_writer": "captures.stills.writer.StillWriter",
    "live_publisher": "cameras.live.publisher.LivePublisher",
    "clip_recorder": "captures.recording.recorder.ClipRecorder",
}
"""Frame consumers of a camera process. Django-free."""

RECORDS = {
    "capture": "captures.ingest.take_capture",
    "gap": "captures.ingest.take_gap",
    "session": "captures.ingest.take_session",
    "clip": "captures.recording.ingest.take_clip",
}
"""Kind of spool record -> the function that takes it into the database, idempotent by the record's id."""

PROGRAMMES = {
    "session": "captures.ingest.wished_session",
    "recording": "captures.recording.ingest.wished_recording",
}
"""Camera -> its session, and what it shall record, as JSON, or None."""

RECORDING = {
    "settings": "captures.recording.ingest.recording_settings",
}
"""How every camera of this host records, as JSON."""

HOLDERS = {
    "session": "captures.sessions.orders.holders",
    "end": "captures.sessions.orders.end_on_gone_host",
}
"""Cameras -> who holds which of them by what runs on it; what ends that on a camera whose host is gone."""

VERDICTS = {
    "capture": "captures.ingest.settle_unstarted",
    "session": "captures.ingest.refuse_session",
    "overdue": "captures.ingest.overdue",
    "settled": "captures.ingest.is_settled",
}
"""Id -> outcome of what never started, capture or session; what is planned beyond its deadline; whether an id has its
outcome."""

LAST_CAPTURES = {
    "captures": "captures.ingest.last_captures",
}
"""Ids of cameras -> how the last capture of each ended, as in the status."""

ROOTS = {
    "default": "captures.storage.roots.default_root",
    "own": "captures.storage.roots.own_root",
    "all": "captures.storage.roots.all_roots",
    "video": "captures.storage.roots.video_root",
}
"""Host -> the storage root of its new captures as JSON; camera -> a root of its own, or None; host -> all its roots;
host -> the root of its new clips."""

KEEPERS = {
    "retention": "captures.recording.retention.Retention",
}
"""What looks after a camera host beside the Supervisor, each on a thread of its own: host -> what has `start` and
`stop`."""

RECOVERIES = {
    "clips": "captures.recording.recovery.recover_all",
}
"""Part of a spool -> what brings it into order while its camera has no process. Django-free."""

DOORS = {
    "visitor": "skycam_project.access.principals.principal_of",
}
"""Headers of a WebSocket or request -> who asks, to be asked again while it lasts."""


def resolve(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)
