"""What captures needs from higher apps: dotted paths, resolved at run time and never imported upward; and what keeps
files from all rules of retention, by RETENTION_GUARDS."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Q, QuerySet

from core.registry import resolve

EXPERIMENT_HANDLERS = {
    "automatic_recording": "scheduler.automatic_recording.service.apply_experiment",
}
"""Functions that are called with each experiment whose state was moved, in the transaction of the move."""

ARCHIVE_MENDERS: dict[str, str] = {
    "offsite": "captures.storage.offsite.restore.mend_archive_file",
}
"""Functions that put a whole copy of an archive's file in its place: see `captures.storage.archives.jobs.Mender`."""

ARCHIVE_COPIES: dict[str, str] = {
    "offsite": "captures.storage.offsite.selectors.dead_copies_of_archive",
}
"""Archive -> host -> its files whose copies elsewhere are not tried again by themselves, as `ArchiveFindingBody`."""

RETENTION_GUARDS = {
    "an archive that copies it": "captures.storage.archives.selectors.files_to_copy",
    "an off-site copy that is not verified": "captures.storage.offsite.selectors.unverified_files",
}
"""What keeps a file, in words -> function from a table (clips, captures) -> the condition of the rows that must stay,
whatever a rule of retention says."""

SITE_TEMPERATURE = {
    "sensors": "monitoring.sensor_management.selectors.main_channel",
}
"""Functions that return the main sensor of the site with its newest value, or None."""


Rows = TypeVar("Rows", bound="QuerySet[Any]")


def guards(table: str) -> dict[str, Q]:
    """What keeps files of the table, in words -> the condition of the rows that it keeps."""
    return {reason: resolve(path)(table) for reason, path in RETENTION_GUARDS.items()}


def guarded(table: str) -> Q:
    """The condition of the files that a guard keeps, such as those whose off-site copy is not verified."""
    return any_of(guards(table))


def unguarded(rows: Rows, table: str) -> Rows:
    """Those of `rows` that no guard keeps."""
    return rows.exclude(guarded(table))


def any_of(conditions: dict[str, Q]) -> Q:
    found = Q(pk__in=[])
    for condition in conditions.values():
        found |= condition
    return found
