"""Passes over the clips of a host: finish deletions, apply the rules, report the result. They run periodically on a
thread of its jobs part: a slow disk or a busy database delays no camera."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Container, Iterable
from uuid import UUID

from django.db import DatabaseError
from django.db.models import Exists, OuterRef, Q

from cameras.models import Camera
from cameras.runtime.disk_reserve import FREE_SPACE_HYSTERESIS
from cameras.spool.storage import RootMissing
from captures.recordings.clips.models import Clip
from captures.recordings.clips.services import (
    MAX_AT_ONCE,
    Problem,
    combine_problems,
    is_usable,
    stuck_problem,
    undeletable_message,
)
from captures.roots.models import StorageClass, StorageRoot
from captures.roots.roots import UnusableRoot, root_of_class
from captures.storage.retention.clip_rules import RoundRobin, clip_items, deletable_in, oldest_deletable
from captures.storage.retention.clock_guard import ClockGuard, uses_age
from captures.storage.retention.disk_space import FreedSpace, outside
from captures.storage.retention.execution import GB, RULES, PlanExecutor
from captures.storage.retention.plan import BY_CLOCK, CleanupPlan, PlanItem, Why
from captures.storage.retention.results import CleanupResult, shortage_message
from core.changes import read_again
from core.events.service import raise_alert, resolve_alert
from core.periodic.task import Work
from core.station_settings import camera_config

ALERT_REPEAT_S = 60.0
"""Seconds until an open alert gets a new sentence."""
NEAR_FLOOR = 20 * GB
"""Bytes; and as many as the soft floor itself. A fast disk cannot write as many within FALLBACK_S."""
BATCH = 20
"""Clips of a plan to free space: each is followed by a measurement."""
AGE_INTERVAL_S = 60.0
"""Seconds between two passes that also apply the rules of days, of clips and captures."""
EACH_PASS = {("clips", Why.ASKED), ("clips", Why.COUNT)}


class ClipCleanup:
    """`actor` is the person who requested the cleanup; empty for the periodic one. `tables`: whose rules it applies."""

    def __init__(
        self,
        host: str,
        actor: str = "",
        clock: Callable[[], float] = time.monotonic,
        should_continue: Callable[[], bool] = lambda: True,
        tables: Container[str] = ("clips", "captures", "archives"),
    ) -> None:
        self.host, self.clock, self.tables = host, clock, tables
        self._executor = PlanExecutor(host, actor, clock, should_continue)
        self._round_robin = RoundRobin()
        self._clock_guard, self._doubt = ClockGuard(host), ""
        self._aged_at = -math.inf
        self._reported: dict[str, tuple[str, float]] = {}
        """Alert key -> its last sentence, empty if resolved, and when it was set."""

    def run(self, within_s: float = math.inf) -> CleanupResult:
        """One pass. The rule of count covers as many cameras as fit in `within_s`. DatabaseError."""
        roots = list(StorageRoot.objects.filter(host=self.host))
        result = CleanupResult()
        plan = self._plan(roots, within_s)
        if self._doubt and uses_age(self.tables):
            result.add(self._doubt)
        self._report(self._executor.execute(plan, result), result)
        if plan.items or result.problems:
            read_again()
        watched = watched_roots(self.host)
        for root in roots:
            if root not in watched:
                self._set_alert(f"storage.soft_floor:{root.pk}", "", None)
                _set_exhausted(root, exhausted=False)
            else:
                self._free_space(root, result)
        return result

    # The rules that do not depend on the free space

    def _plan(self, roots: list[StorageRoot], within_s: float) -> CleanupPlan:
        """A part of what is to be deleted: enough for one pass."""
        left = [root for root in roots if not self._executor.is_left_alone(root)]
        # On a disk that is read-only or missing nothing is even marked: its clips would be hidden, and no space gained.
        usable = [root for root in left if is_usable(root)]
        items: list[PlanItem] = []
        due = self._due_rules()
        for (table, why), rule in RULES.items():
            if (table, why) in due and table in self.tables:
                among = left if why == Why.ASKED else usable
                cameras: Iterable[UUID] = self._round_robin.cameras(within_s) if why == Why.COUNT else ()
                items += rule.select(among, cameras, MAX_AT_ONCE)
        return CleanupPlan(self.host, tuple(items))

    def _due_rules(self) -> set[tuple[str, Why]]:
        """Once a minute all of them, but those of age only while the clock is trusted."""
        if self.clock() - self._aged_at < AGE_INTERVAL_S:
            return EACH_PASS
        self._aged_at = self.clock()
        self._doubt = self._clock_guard.note_time()
        self._set_alert(f"storage.clock:{self.host}", self._doubt, None)
        return {(table, why) for table, why in RULES if not (self._doubt and why in BY_CLOCK)}

    def _report(self, problems: dict[UUID, Problem], result: CleanupResult) -> None:
        result.problems += [one.sentence for one in problems.values()]
        problem = combine_problems(problems.values()) if problems else Problem("")
        self._set_alert(f"storage.clips:{self.host}", problem.sentence, problem.camera, "error")

    # The rule of space

    def _free_space(self, root: StorageRoot, result: CleanupResult) -> None:
        """A missing root keeps its clips. The ingest of its captures raises the alert about it."""
        floor, alert = int(camera_config().soft_floor_gb * GB), f"storage.soft_floor:{root.pk}"
        if self._executor.is_left_alone(root):
            return
        try:
            freed = self._executor.free_space(root, lambda stuck: next_clips(root, stuck), result)
        except RootMissing as error:
            result.add(str(error))
            return
        except OSError as error:
            result.add(undeletable_message(root, error))
            self._set_alert(alert, undeletable_message(root, error), None, "error")
            return
        # What fills the disk needs no database. Far above the floor there is time until the next pass.
        read_again(lambda: bool(freed.clips or freed.stuck) or freed.free < 2 * floor + NEAR_FLOOR)
        if freed.stuck:
            result.add(stuck_problem(root, freed.stuck).sentence)
        # Before the alert, whose condition is the new state.
        _set_exhausted(root, exhausted=_is_exhausted(root, freed, floor))
        self._set_alert(alert, shortage_message(root, freed, floor) if root.exhausted else "", None)

    def _set_alert(self, key: str, sentence: str, camera: Camera | None, severity: str = "warning") -> None:
        """Raise or resolve the alert on a change, also one that an earlier process left open. A new sentence for an
        open alert, such as one about a second disk, waits ALERT_REPEAT_S."""
        last, at = self._reported.get(key, (None, 0.0))
        # A shortage names the free bytes, which change with each pass.
        if sentence == last or (sentence and last and self.clock() - at < ALERT_REPEAT_S):
            return
        if sentence:
            raise_alert(key, sentence, severity=severity, camera=camera)
        else:
            resolve_alert(key)
        self._reported[key] = sentence, self.clock()


def _is_exhausted(root: StorageRoot, freed: FreedSpace, floor: int) -> bool:
    """Whether no clip is left to delete. True until a tenth more than the floor is free: otherwise each new clip would
    use the space of the last deleted one and be deleted in turn."""
    enough = floor * (FREE_SPACE_HYSTERESIS if root.exhausted else 1.0)
    return freed.free + freed.pending < enough and not deletable_in(root).exists()


def _set_exhausted(root: StorageRoot, *, exhausted: bool) -> None:
    """Store the state; the recorders of this root follow it."""
    if root.exhausted != exhausted:
        root.exhausted = exhausted
        root.save(update_fields=["exhausted"])


def watched_roots(host: str) -> set[StorageRoot]:
    """The roots with clips, and the root for new clips while a camera records."""
    holding = Exists(Clip.objects.present().filter(root=OuterRef("pk"), host=host))
    return set(StorageRoot.objects.filter(Q(holding) | Q(pk=_recording_root(host)), host=host))


def _recording_root(host: str) -> UUID | None:
    if not Camera.objects.present().filter(host=host).exclude(recording="").exists():
        return None
    try:
        return UUID(root_of_class(host, StorageClass.CLIPS)["id"])
    except UnusableRoot:
        return None


def next_clips(root: StorageRoot, stuck_folders: set[str]) -> tuple[PlanItem, ...]:
    """The next clips that make space in the root: a small plan, as the space is measured again after each."""
    clips = outside(oldest_deletable(root), stuck_folders)
    return CleanupPlan(root.host, tuple(clip_items(clips, Why.SPACE, BATCH))).items


COUNT_S = 0.005
"""Seconds of a pass for counting clips."""


class Retention(Work):
    """Applies the rules of count and space to the clips of `host`."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self._cleanup = ClipCleanup(host, should_continue=lambda: not self.control.is_stopping())
        self._alert = f"storage.retention:{host}"
        self._problem, self._alerted = "", "not yet"
        """What the alert should say, and what it says."""

    def run(self) -> None:
        self._update_alert()
        self._cleanup.run(COUNT_S)
        self._problem = ""

    def note_failure(self, error: Exception) -> None:
        """A missing database has its own alert."""
        if not isinstance(error, DatabaseError):
            # Only noted here, as an error in this handler would end the thread: the next pass raises the alert.
            self._problem = (
                f"Old clips are not deleted, as the cleanup fails ({type(error).__name__}): the disk may fill up. "
                "Check the log of the jobs part and restart it: `skycam restart jobs`."
            )

    def _update_alert(self) -> None:
        if self._problem == self._alerted:
            return
        if self._problem:
            raise_alert(self._alert, self._problem, camera=None, severity="error")
        else:
            resolve_alert(self._alert)
        self._alerted = self._problem
