"""Stops a cleanup of a root in which too many files are missing: a folder that vanished is not a deletion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from cameras.spool.durable import RootFiles
from captures.recordings.clips.deletion import folder_of
from captures.roots.models import StorageRoot
from captures.storage.offsite.copy_rows import moved_rows
from captures.storage.retention.plan import PlanItem, Why
from captures.storage.stored_files.tables import FILE_TABLES, StoredFile
from core.station_settings import retention_config
from core.text.amounts import pluralize

MIN_MISSING = 5
"""People move single files; more at once are a folder."""
NEIGHBOURS = 100
"""Rows that are checked besides the files to delete once one of these is missing: a pass often deletes one alone."""


@dataclass(slots=True)
class Presence:
    """How many files of a root were looked for, and how many are missing."""

    checked: set[str] = field(default_factory=set)
    """The keys of their rows."""
    missing: int = 0
    neighbours: bool = False
    """Whether files that stay were looked for, too."""


@dataclass(slots=True)
class VanishedFiles:
    """Counts the missing files by root, during one cleanup."""

    roots: dict[UUID, Presence] = field(default_factory=dict)

    def is_vanished(self, files: RootFiles, root: StorageRoot, items: Iterable[PlanItem]) -> bool:
        """Whether more than the configured share is missing of all files that were looked for in the root, or of those
        that were looked for now. Looks for `items` first. OSError."""
        presence = self.roots.setdefault(root.pk, Presence())
        checked, missing = len(presence.checked), presence.missing
        for item in items:
            if item.pk in presence.checked:
                continue
            presence.checked.add(item.pk)
            if _is_missing(files, item):
                presence.missing += 1
                if not presence.neighbours:
                    presence.neighbours = True
                    _check_neighbours(files, root, item, presence)
        # Both: a folder that vanishes after thousands of deletions is a small share of all.
        now_missing, now_checked = presence.missing - missing, len(presence.checked) - checked
        return self._is_beyond(presence.missing, len(presence.checked)) or self._is_beyond(now_missing, now_checked)

    def message(self, root: StorageRoot) -> str:
        presence = self.roots[root.pk]
        missing = f"{presence.missing} of {pluralize(len(presence.checked), 'file')}"
        return (
            f"{missing} that a cleanup looked for in {root.path} are missing, so it deletes nothing there: neither "
            "files nor rows. Mount or move back the folder that is missing. If the files are gone for good, set "
            "retention.vanished_percent to 100 until their rows are deleted."
        )

    @staticmethod
    def _is_beyond(missing: int, checked: int) -> bool:
        return missing >= MIN_MISSING and missing > retention_config().vanished_percent / 100 * checked


def _is_missing(files: RootFiles, item: PlanItem) -> bool:
    folder, _, name = item.path.rpartition("/")
    try:
        if files.size(folder, name) is not None:
            return False
        if item.table != "clips" and moved_rows(FILE_TABLES[item.table]).filter(pk=item.pk).exists():
            return False
        # A deletion that was killed leaves a row without a file, and its folder.
        return item.why != Why.ASKED or not _has_folder(files, folder)
    except OSError:
        return False  # a symbolic link in the place of a folder, or a failing disk: the deletion reports it


def _has_folder(files: RootFiles, folder: str) -> bool:
    try:
        with files.folder(folder):
            return True
    except FileNotFoundError:
        return False


def _check_neighbours(files: RootFiles, root: StorageRoot, item: PlanItem, presence: Presence) -> None:
    """Look for the files of the rows that follow."""
    rows = FILE_TABLES[item.table].rows().filter(root=root, pk__gt=item.pk).order_by("pk")
    for file in map(FILE_TABLES[item.table].of_row, rows[:NEIGHBOURS]):
        if file.pk in presence.checked:
            continue
        presence.checked.add(file.pk)
        presence.missing += _is_row_missing(files, file)


def _is_row_missing(files: RootFiles, file: StoredFile) -> bool:
    try:
        return files.size(folder_of(file.path), file.path.rpartition("/")[2]) is None
    except OSError:
        return False
