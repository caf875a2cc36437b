"""One pass over the clips of a host: finish deletions, apply the rules of count and space, report the result."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from cameras.models import Camera
from cameras.runtime.disk_reserve import FREE_SPACE_HYSTERESIS
from cameras.spool.storage import RootMissing
from captures.clips.deletion import (
    Problem,
    combine_problems,
    delete_marked,
    is_usable,
    mark_for_deletion,
    open_root,
    stuck_problem,
    undeletable_message,
)
from captures.clips.models import Clip
from captures.retention.cleanup_events import record_deletions, shortage_message, space_reason
from captures.retention.disk_space import DiskSpace, FreedSpace
from captures.retention.policy import RetentionLimit, RoundRobin, clips_beyond_limit, clips_to_free, deletable_in
from captures.storage.models import StorageClass, StorageRoot
from captures.storage.roots import UnusableRoot, root_of_class
from core.station_settings.values import camera_config
from monitoring.services import raise_alert, resolve_alert

GB = 1e9
ALERT_REPEAT_S = 60.0
"""Seconds until an open alert gets a new sentence."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """`why` is `count`, `space` or `asked`: requested by a person, or left over from an earlier pass."""

    clip: Clip
    why: str


@dataclass(slots=True)
class CleanupResult:
    deleted: list[Deleted] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


class ClipCleanup:
    """`actor` is the person who requested the cleanup; empty for the periodic one."""

    def __init__(
        self,
        host: str,
        actor: str = "",
        clock: Callable[[], float] = time.monotonic,
        should_continue: Callable[[], bool] = lambda: True,
    ) -> None:
        self.host, self.actor, self.clock, self.should_continue = host, actor, clock, should_continue
        self._round_robin = RoundRobin()
        self._spaces: dict[UUID, DiskSpace] = {}
        self._reported: dict[str, tuple[str, float]] = {}
        """Alert key -> its last sentence, empty if resolved, and when it was set."""

    def run(self, within_s: float = math.inf) -> CleanupResult:
        """One pass. The rule of count covers as many cameras as fit in `within_s`. DatabaseError."""
        roots = list(StorageRoot.objects.filter(host=self.host))
        result = CleanupResult()
        # Count before space: what is deleted in any case frees space first. On a disk that is read-only or missing
        # nothing is even marked: its clips would be hidden, and no space gained.
        beyond = self._mark_beyond([root for root in roots if is_usable(root)], within_s)
        self._delete_marked(beyond, result)
        watched = watched_roots(self.host)
        for root in roots:
            if root not in watched:
                self._set_alert(f"storage.soft_floor:{root.pk}", "")
                _set_exhausted(root, exhausted=False)
            else:
                self._free_space(root, result)
        return result

    # The rule of count

    def _mark_beyond(self, roots: list[StorageRoot], within_s: float) -> set[UUID]:
        limit, found = RetentionLimit.by_config(), set[UUID]()
        for camera in self._round_robin.cameras(within_s):
            found.update(mark_for_deletion(clips_beyond_limit(camera, self.host, limit).filter(root__in=roots)))
        return found

    def _delete_marked(self, beyond: set[UUID], result: CleanupResult) -> None:
        summary = delete_marked(self.host)
        counted = [clip for clip in summary.clips if clip.pk in beyond]
        # Also clips that a person deleted while this host was away, and those of a pass that was killed.
        marked_earlier = [clip for clip in summary.clips if clip.pk not in beyond]
        keep = camera_config().rolling_clips_count
        record_deletions(counted, "count", f"beyond the newest {keep} of the camera", self.actor)
        record_deletions(marked_earlier, "asked", "marked for deletion earlier", self.actor)
        result.deleted += [Deleted(clip, "count") for clip in counted] + [
            Deleted(clip, "asked") for clip in marked_earlier
        ]
        result.problems += [one.sentence for one in summary.problems.values()]
        problem = combine_problems(summary.problems.values()) if summary.problems else Problem("")
        self._set_alert(f"storage.clips:{self.host}", problem.sentence, "error", problem.camera)

    # The rule of space

    def _free_space(self, root: StorageRoot, result: CleanupResult) -> None:
        """A missing root keeps its clips. The ingest of its captures raises the alert about it."""
        config, space = camera_config(), self._spaces.setdefault(root.pk, DiskSpace(root, self.clock))
        floor, alert = int(config.soft_floor_gb * GB), f"storage.soft_floor:{root.pk}"
        try:
            with open_root(root) as files:
                freed = space.free_space(files, floor, self.should_continue)
        except RootMissing as error:
            result.add(str(error))
            return
        except OSError as error:
            result.add(undeletable_message(root, error))
            self._set_alert(alert, undeletable_message(root, error), "error")
            return
        record_deletions(freed.clips, "space", space_reason(root, freed), self.actor, freed.pending)
        result.deleted += [Deleted(clip, "space") for clip in freed.clips]
        if freed.stuck:
            result.add(stuck_problem(root, freed.stuck).sentence)
        # Before the alert, whose condition is the new state.
        _set_exhausted(root, exhausted=_is_exhausted(root, freed, floor))
        self._set_alert(alert, shortage_message(root, freed, floor) if root.exhausted else "")

    def _set_alert(self, key: str, sentence: str, severity: str = "warning", camera: Camera | None = None) -> None:
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


def plan_cleanup(host: str) -> Iterator[Deleted]:
    """What a pass would delete, oldest first by camera and root; changes nothing. OSError, RootMissing."""
    config, limit, planned = camera_config(), RetentionLimit.by_config(), dict[UUID, Clip]()
    roots = [root for root in StorageRoot.objects.filter(host=host) if is_usable(root)]
    for clip in Clip.objects.exclude(deleted_at=None).filter(host=host, root__in=roots).select_related("camera"):
        planned[clip.pk] = clip
        yield Deleted(clip, "asked")
    for camera in RoundRobin().cameras(math.inf):
        beyond = clips_beyond_limit(camera, host, limit).filter(root__in=roots)
        for clip in beyond.select_related("camera"):
            planned[clip.pk] = clip
            yield Deleted(clip, "count")
    for root in watched_roots(host):
        with open_root(root) as files:
            missing = config.soft_floor_gb * GB - files.free_bytes()
        # Clips that go in any case free their space first.
        missing -= sum(clip.bytes for clip in planned.values() if clip.root_id == root.pk)
        for clip in clips_to_free(root, int(missing), set(planned)):
            yield Deleted(clip, "space")
