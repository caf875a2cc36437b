"""`PlanExecutor` deletes the files of a plan, and no others. Each is checked again when its mark is written. A
cleanup of a root in which too many files are missing stops: a folder that vanished is not a deletion."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from cameras.spool.durable import RootFiles
from cameras.spool.storage import RootMissing
from captures.recordings.clips.services import (
    MAX_AT_ONCE,
    Problem,
    delete_marked,
    folder_of,
    open_root,
    undeletable_message,
)
from captures.roots.models import StorageRoot
from captures.storage.offsite.copy_rows import moved_rows
from captures.storage.retention.capture_rules import (
    MOVES,
    AgeOfCaptures,
    MarkedCaptures,
    TimeInTrash,
    delete_moved,
    record_moves,
)
from captures.storage.retention.clip_rules import AgeOfClips, CountOfClips, MarkedClips, Rule, chunks
from captures.storage.retention.clock_guard import ClockGuard
from captures.storage.retention.disk_space import DiskSpace, FreedSpace
from captures.storage.retention.plan import BY_CLOCK, CleanupPlan, PlanItem, Why
from captures.storage.retention.results import CleanupResult, Deleted, record_deletions, space_reason
from captures.storage.stored_files import FILE_TABLES, StoredFile
from captures.storage.trash.services import purge_files
from core.events.selectors import unresolved_keys
from core.events.service import raise_alert, resolve_alert
from core.station_settings import camera_config, retention_config
from core.text.sentences import pluralize

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


RULES: dict[tuple[str, Why], Rule] = {
    ("clips", Why.ASKED): MarkedClips(),
    ("clips", Why.COUNT): CountOfClips(),
    ("clips", Why.AGE): AgeOfClips(),
    ("captures", Why.ASKED): MarkedCaptures(),
    ("captures", Why.TRASH): TimeInTrash(),
    ("captures", Why.AGE): AgeOfCaptures(),
    **{(table, Why.OFFSITE): rule for table, rule in MOVES.items()},
}
"""Table and rule -> how its files are selected and marked, in the order in which a plan is executed. Space comes last:
what is deleted in any case frees space first."""

VANISHED_PAUSE_S = 60.0
"""How long a root with missing files is left alone before it is checked again."""
GB = 1e9


@dataclass(slots=True)
class ExecutedRules:
    """The state of one execution."""

    result: CleanupResult
    vanished: VanishedFiles = field(default_factory=VanishedFiles)
    problems: dict[UUID, Problem] = field(default_factory=dict)
    """Root -> why marked clips are not deleted there."""


class PlanExecutor:
    """`actor` is the person who requested the cleanup; empty for the periodic one."""

    def __init__(
        self,
        host: str,
        actor: str = "",
        clock: Callable[[], float] = time.monotonic,
        should_continue: Callable[[], bool] = lambda: True,
    ) -> None:
        self.host, self.actor, self.clock, self.should_continue = host, actor, clock, should_continue
        self._spaces: dict[UUID, DiskSpace] = {}
        self._left_until: dict[UUID, float] = {}

    def execute(self, plan: CleanupPlan, result: CleanupResult) -> dict[UUID, Problem]:
        """Delete what the plan has and what its rules still select. Returns the problems of marked clips by root.
        DatabaseError."""
        if not plan.items:
            return {}
        executed = ExecutedRules(result)
        roots = {root.pk: root for root in StorageRoot.objects.filter(host=self.host)}
        by_rule: dict[tuple[str, Why], list[PlanItem]] = {}
        for item in plan.items:
            if item.root in roots:
                by_rule.setdefault((item.table, item.why), []).append(item)
        # After the plan was made: a clock that was set ahead in between has selected these files.
        if any(why in BY_CLOCK for _, why in by_rule) and (doubt := ClockGuard(self.host).doubt()):
            result.add(doubt)
            by_rule = {(table, why): own for (table, why), own in by_rule.items() if why not in BY_CLOCK}
        for name, rule in RULES.items():
            self._apply(rule, by_rule.get(name, []), roots, executed)
        for root, items in _by_root(by_rule.get(("clips", Why.SPACE), [])):
            if self.is_left_alone(roots[root]):
                continue
            try:
                self.free_space(roots[root], only(items), result)
            except RootMissing as error:
                executed.problems[root] = Problem(str(error))
            except OSError as error:
                executed.problems[root] = Problem(undeletable_message(roots[root], error))
        return executed.problems

    # Rules that do not depend on the free space

    def _apply(
        self, rule: Rule, items: list[PlanItem], roots: dict[UUID, StorageRoot], executed: ExecutedRules
    ) -> None:
        for root, own in _by_root(items):
            for chunk in chunks(own, MAX_AT_ONCE):
                if not self.should_continue() or not self._may_delete(roots[root], chunk, executed):
                    break
                self._delete(rule, chunk, executed)

    def _may_delete(self, root: StorageRoot, items: Sequence[PlanItem], executed: ExecutedRules) -> bool:
        """False for a root that is missing, read-only, or lacks too many files."""
        if self.is_left_alone(root):
            return False
        try:
            with open_root(root) as files:
                if files.read_only():
                    executed.problems[root.pk] = Problem(f"The disk of {root.path} is read-only. Check the disk.")
                    return False
                return not self._is_vanished(files, root, items, executed.vanished, executed.result)
        except RootMissing as error:
            executed.problems[root.pk] = Problem(str(error))
        except OSError as error:
            executed.problems[root.pk] = Problem(undeletable_message(root, error))
        return False

    def _delete(self, rule: Rule, items: Sequence[PlanItem], executed: ExecutedRules) -> None:
        marked = rule.mark(items)
        if rule.table == "clips":
            clips = delete_marked(
                self.host,
                map(UUID, marked),
                lambda deleted: record_deletions(deleted, rule.why, reason_of(rule.why), self.actor),
            )
            executed.problems |= clips.problems
            executed.result.deleted += [Deleted(clip, rule.why) for clip in clips.clips]
        elif rule.why == Why.OFFSITE:
            keys = set(marked)
            moved, problems = delete_moved(MOVES[rule.table], [item for item in items if item.pk in keys])
            executed.problems |= problems
            executed.result.moved += moved
            record_moves(moved, self.actor)
        else:
            files = purge_files(self.host, marked)
            executed.problems |= files.problems
            executed.result.purged += files.files

    def _is_vanished(
        self,
        files: RootFiles,
        root: StorageRoot,
        items: Iterable[PlanItem],
        vanished: VanishedFiles,
        result: CleanupResult,
    ) -> bool:
        """Raise or resolve the alert about missing files."""
        key = f"storage.vanished:{root.pk}"
        if vanished.is_vanished(files, root, items):
            if not self.is_left_alone(root):
                raise_alert(key, vanished.message(root), camera=None, severity="error", data={"root": str(root.pk)})
            self._left_until[root.pk] = self.clock() + VANISHED_PAUSE_S
            result.add(vanished.message(root))
            return True
        # Also an alert that a job or an earlier process left open.
        if unresolved_keys(key):
            resolve_alert(key)
        self._left_until.pop(root.pk, None)
        return False

    def is_left_alone(self, root: StorageRoot) -> bool:
        """Whether too many of its files were missing a short time ago."""
        return self.clock() < self._left_until.get(root.pk, -math.inf)

    # The rule of space

    def free_space(
        self, root: StorageRoot, select: Callable[[set[str]], Sequence[PlanItem]], result: CleanupResult
    ) -> FreedSpace:
        """Delete clips one by one until the soft floor is free, and no more. `select` returns the next clips outside of
        folders that delete none; none when there are no more. RootMissing, OSError."""
        space = self._spaces.setdefault(root.pk, DiskSpace(root, self.clock))
        with open_root(root) as files:
            freed = space.measure(files, int(camera_config().soft_floor_gb * GB))
            try:
                self._delete_until_free(files, space, freed, select, result)
            finally:
                # Also when the disk or the database fails in the middle.
                freed.pending = space.pending.remaining(freed.free)
                record_deletions(freed.clips, Why.SPACE, space_reason(root, freed), self.actor, freed.pending)
                result.deleted += [Deleted(clip, Why.SPACE) for clip in freed.clips]
        return freed

    def _delete_until_free(
        self,
        files: RootFiles,
        space: DiskSpace,
        freed: FreedSpace,
        select: Callable[[set[str]], Sequence[PlanItem]],
        result: CleanupResult,
    ) -> None:
        floor, vanished = int(camera_config().soft_floor_gb * GB), VanishedFiles()
        while space.may_delete(freed, floor) and self.should_continue():
            items = select(freed.stuck_folders)
            freed.exhausted = not items
            freed.vanished = self._is_vanished(files, space.root, items, vanished, result) if items else False
            for item in items:
                if not space.may_delete(freed, floor) or not self.should_continue():
                    break
                # The rest of the batch may be in a folder that deletes nothing, too.
                if folder_of(item.path) not in freed.stuck_folders:
                    space.delete_clip(files, item.pk, freed)


def only(items: Sequence[PlanItem]) -> Callable[[set[str]], Sequence[PlanItem]]:
    """These items once, and then none."""
    rest = [list(items)]
    return lambda _stuck: rest.pop() if rest else []


def reason_of(why: Why) -> str:
    """Why clips are deleted, for the event."""
    config = retention_config()
    return {
        Why.ASKED: "marked for deletion earlier",
        Why.COUNT: f"beyond the newest {camera_config().rolling_clips_count} of the camera",
        Why.AGE: f"older than {config.rolling_clip_days:g} days (rolling) or {config.manual_clip_days:g} days (manual)",
    }[why]


def _by_root(items: Iterable[PlanItem]) -> Iterator[tuple[UUID, list[PlanItem]]]:
    found: dict[UUID, list[PlanItem]] = defaultdict(list)
    for item in items:
        found[item.root].append(item)
    yield from found.items()
