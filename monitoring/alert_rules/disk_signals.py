"""The free space of this host's disks for the alert rules."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from captures.roots.roots import all_roots
from core.changes.gate import ChangeGate
from monitoring.alert_rules.rule import Signal

_known: dict[str, str] = {}
"""Folder -> its name in the signal, as the database said last."""
_gate = ChangeGate()


def free_space(host: str) -> Iterator[Signal]:
    """In percent, for a user without special rights: of each storage root, and of the data folder."""
    try:
        _gate.call(lambda: _read_roots(host))
    except DatabaseError:
        connection.close()
    for folder in dict.fromkeys([*_known, str(settings.STATION.data)]):
        yield Signal("disk_free", f"{host}:{folder}", free_percent(Path(folder)), "%")


def _read_roots(host: str) -> None:
    found = {root["path"]: root["path"] for root in all_roots(host)}
    _known.clear()
    _known.update(found)


def free_percent(folder: Path) -> float | None:
    """None if the folder cannot be asked: it has an alert of its own, or is not mounted."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return 100.0 * found.f_bavail / found.f_blocks if found.f_blocks else None
