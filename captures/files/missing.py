"""Closes the alerts for missing files that `captures.files.serving.raise_missing_alert` raises, and those for damaged
files that a verification raises."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings

from captures.capturing.models import CaptureFile
from captures.files.opened import FileMissing, open_below
from captures.files.serving import Stored, check_size
from captures.recordings.clips.models import Clip
from core.events.selectors import unresolved_keys
from core.events.service import resolve_alert

KEYS = "storage.missing:"
DAMAGED_KEYS = "storage.damaged:"


def close_missing_alerts() -> None:
    """Close the alerts whose file is back or whose row is deleted. Other hosts check their own files."""
    for key in sorted(unresolved_keys(KEYS)):
        row = row_of(key.removeprefix(KEYS))
        if row is None or row.is_offsite or (row.host == settings.STATION.host and is_present(row)):
            resolve_alert(key)


def close_damaged_alerts() -> None:
    """Close the alerts whose row is deleted. The next verification closes those whose file is restored."""
    for key in sorted(unresolved_keys(DAMAGED_KEYS)):
        if row_of(key.removeprefix(DAMAGED_KEYS)) is None:
            resolve_alert(key)


def row_of(ident: str) -> Stored | None:
    """A clip by its UUID, or a capture's file by its number."""
    if ident.isdecimal():
        return CaptureFile.objects.select_related("root").filter(pk=int(ident)).first()
    return Clip.objects.present().select_related("root").filter(pk=UUID(ident)).first()


def is_present(row: Stored) -> bool:
    try:
        found = open_below(row.root.path, row.path)
    except FileMissing:
        return False
    try:
        check_size(found, row)
    except FileMissing:
        return False
    finally:
        found.close()
    return True
