"""Outcomes of captures: what a caller gets, the events and the totals that follow, the notice to the pages, and those
outcomes that a host decides because no spool ever held the capture. Totals never fall."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, Sum, UUIDField
from django.utils import timezone

from cameras.errors import ControlError
from cameras.models import Camera
from cameras.runtime.messages import LastCapture
from cameras.spool.moments import iso
from cameras.status.messages import CaptureCounts
from captures.capturing.models import Capture, CaptureFile, CaptureReference, CaptureStatus, CaptureTotal
from captures.capturing.records import describe_references
from core.broker.broker import BrokerDown
from core.broker.notices import NoticeKind, publish_notice
from core.camera_names import CameraRef
from core.events.models import Event
from core.events.service import new_event, record_events
from core.prepared_query import Parameter, PreparedQuery
from core.text.sentences import beside_camera, join_sentences, sentence

PROBLEM_OF = {
    "camera_held": "held",
    "camera_unreachable": "camera-not-reachable",
    "camera_hung": "camera-not-reachable",
    "camera_crashed": "camera-not-reachable",
    "disk_full": "disk-full",
    "host_down": "host-down",
    "too_slow": "too-slow",
}
"""Reason of a capture -> problem type; every other reason is capture-failed or capture-skipped."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A capture and its state; `pending` when it has no outcome in time. `problem` says why it could not be sent."""

    capture: Capture
    pending: bool = False
    problem: ControlError | BrokerDown | None = None


class NotSaved(Exception):
    """A capture failed, was skipped or was refused. `problem` is the problem type; the message says what to do."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(_sentence(outcome))
        self.capture = outcome.capture
        self.problem = _problem(outcome)


def check_saved(outcome: Outcome) -> None:
    """NotSaved unless the capture is saved or still pending."""
    if outcome.problem is not None or outcome.capture.status in {"failed", "skipped"}:
        raise NotSaved(outcome)


def _problem(outcome: Outcome) -> str:
    if outcome.problem is not None:
        return getattr(outcome.problem, "problem", "broker-down")
    return PROBLEM_OF.get(outcome.capture.reason, f"capture-{outcome.capture.status}")


def _sentence(outcome: Outcome) -> str:
    if outcome.problem is not None:
        return str(outcome.problem)
    return outcome.capture.message or f"The capture was {outcome.capture.status}: {outcome.capture.reason}."


SEVERITIES = {"saved": "info", "failed": "error", "skipped": "warning"}
STOPPED = "session_stopped"
"""A reason that is no failure: a user stopped the session during the exposure."""


@dataclass(frozen=True, slots=True)
class StoredOutcome:
    """A capture whose outcome was just stored, with its files and the references to those that its camera keeps.
    `durable_after_s` as of `count_outcomes`."""

    capture: Capture
    camera: CameraRef
    files: Sequence[CaptureFile] = ()
    references: Sequence[CaptureReference] = ()
    durable_after_s: float | None = None


def publish_outcomes(outcomes: Sequence[StoredOutcome]) -> None:
    """Count the outcomes and record their events, in the caller's transaction, and publish their notices after the
    commit. Each capture that a camera takes or fails to take comes here once; adopted ones do not."""
    count_outcomes((one.capture, one.durable_after_s) for one in outcomes)
    record_events([_outcome_event(one) for one in outcomes])
    publish_captures([(one.capture, one.camera.slug, one.files) for one in outcomes])


def _outcome_event(outcome: StoredOutcome) -> Event:
    capture = outcome.capture
    warnings = _setting_warnings(capture)
    remote = describe_references(outcome.references)
    where = [f"Remote: {remote}, not held by this station."] if remote else []
    saved = capture.message or sentence("{camera} saved a capture.", camera=outcome.camera)
    message = join_sentences([saved, *where, *warnings])
    severity = "info" if capture.reason == STOPPED else SEVERITIES[capture.status]
    return new_event(
        f"capture.{capture.status}", message, severity="warning" if warnings and severity == "info" else severity,
        camera=outcome.camera, subject=capture.pk, actor=capture.requested_by,
        data=_command_arguments(capture) | ({"reason": capture.reason} if capture.reason else {}),
    )  # fmt: skip


def _command_arguments(capture: Capture) -> dict[str, Any]:
    """Arguments of the capture command; a session's arguments are in the event of its start."""
    return {} if capture.session_id else {"arguments": capture.asked}


def _setting_warnings(capture: Capture) -> list[str]:
    """Warnings of values that the camera did not accept. A session reports them once, when it begins."""
    return [] if capture.session_id else capture.warnings


@transaction.atomic
def fail_unsent_capture(capture: UUID | str, reason: str, message: str) -> bool:
    """Mark a planned capture that never reached a spool as failed. False when it has an outcome already."""
    # Locked, and still planned: a record that is ingested at the same moment keeps its outcome.
    row = Capture.objects.select_for_update().filter(pk=capture, status=Capture.Status.PLANNED).first()
    if row is None:
        return False
    row.status, row.reason, row.message = Capture.Status.FAILED, reason, beside_camera(message, row.camera)
    row.ended_at = timezone.now()
    row.save(update_fields=["status", "reason", "message", "ended_at"])
    publish_outcomes([StoredOutcome(row, row.camera)])
    return True


def overdue_captures(host: str, now_ms: int) -> list[tuple[str, str]]:
    """Camera and id of captures commanded to this host that are still planned after their deadline (in Redis TIME),
    even if the camera has moved to another host."""
    addressed = Q(host=host) | Q(host="", camera__host=host)
    rows = Capture.objects.filter(addressed, status=Capture.Status.PLANNED, deadline_ms__lt=now_ms)
    cameras = rows.order_by().values_list("camera_id", flat=True).distinct()
    # At most 100 of each camera in a sweep: when they have their outcomes, the next sweep finds the others. Of each,
    # because those of a camera whose storage root is not mounted get none, and would fill every sweep.
    found = {camera: rows.filter(camera=camera).values_list("id", flat=True)[:100] for camera in cameras}
    return [(str(camera), str(capture)) for camera, captures in found.items() for capture in captures]


def has_outcome(capture: str) -> bool:
    """Whether this capture has its outcome: then it is never exposed again."""
    return Capture.objects.filter(pk=capture).exclude(status=Capture.Status.PLANNED).exists()


def last_captures(cameras: Iterable[str]) -> dict[str, LastCapture]:
    """The outcome of each camera's newest capture, by the camera's id. Cameras without captures are left out."""
    ended = Capture.objects.exclude(status=Capture.Status.PLANNED).exclude(ended_at=None)
    # A query for each camera reads one row of the index on camera and time. The host reads a camera when it comes.
    found = {camera: ended.filter(camera_id=camera).only("status", "reason", "ended_at").first() for camera in cameras}
    return {
        camera: LastCapture(id=str(one.pk), status=one.status, reason=one.reason, at=iso(one.ended_at.timestamp()))
        for camera, one in found.items()
        if one is not None and one.ended_at is not None
    }


BOUNDS_MS = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 900_000)
"""Upper bounds of the durations that are told apart. Rows hold them: a changed bound applies to new captures only."""
NO_BOUND_MS = 2**31 - 1


def count_outcome(capture: Capture, durable_after_s: float | None = None) -> None:
    count_outcomes([(capture, durable_after_s)])


def count_outcomes(outcomes: Iterable[tuple[Capture, float | None]]) -> None:
    """Count captures whose outcomes are being stored, in the caller's transaction. With each capture the seconds from
    the opening of the shutter to the durable file; None where that is not known."""
    numbers: Counter[tuple[UUID, str, str, int]] = Counter()
    seconds: Counter[tuple[UUID, str, str, int]] = Counter()
    for capture, durable_after_s in outcomes:
        duration_s = durable_after_s if capture.status == CaptureStatus.SAVED else None
        bound_ms = 0 if duration_s is None else next((ms for ms in BOUNDS_MS if duration_s * 1000 <= ms), NO_BOUND_MS)
        key = (capture.camera_id, capture.status, capture.reason, bound_ms)
        numbers[key] += 1
        seconds[key] += duration_s or 0.0  # type: ignore[assignment]  # a Counter adds floats as well
    # In one order, so that two transactions never wait for each other's rows.
    for key in sorted(numbers):
        _add(*key, numbers[key], seconds[key])


def count_missed(camera: UUID, reason: str, number: int) -> None:
    """Count captures of a session that have no row, because an outage skipped them, in the caller's transaction."""
    _add(camera, CaptureStatus.SKIPPED, reason, 0, number, 0.0)


def totals_of(cameras: Iterable[str]) -> dict[str, CaptureCounts]:
    """The totals of each camera, by its id: one query."""
    found = {camera: CaptureCounts(saved=0, failed=0, skipped=0) for camera in cameras}
    rows = CaptureTotal.objects.filter(camera__in=list(found)).order_by()
    for camera, status, number in rows.values_list("camera", "status").annotate(number=Sum("captures")):
        found[str(camera)][status] = number  # type: ignore[literal-required]
    return found


def _add(camera: UUID, status: str, reason: str, bound_ms: int, number: int, seconds: float) -> None:
    """One UPDATE; the row is inserted before the first one."""
    key = {"camera_id": camera, "status": status, "reason": reason, "duration_le_ms": bound_ms}
    total = CaptureTotal.objects.filter(**key)
    # Added by the database: several hosts and processes may count at the same time.
    added = {"captures": F("captures") + number, "seconds": F("seconds") + seconds}
    if not total.update(**added):
        # Another process may insert it at the same moment. An IntegrityError would end the caller's transaction.
        CaptureTotal.objects.bulk_create([CaptureTotal(**key)], ignore_conflicts=True)
        total.update(**added)


class LatestImage(TypedDict):
    id: str
    url: str
    thumbnail: str | None


class CaptureNotice(TypedDict):
    """Of a capture: `status` and `camera_temperature` are the camera's; `outcome` and `reason` are those of the capture
    with the id `capture`."""

    camera: str
    status: str
    camera_temperature: float | None
    latest_image: LatestImage | None
    capture: str
    outcome: str
    reason: str


class CaptureUpdate(TypedDict):
    """What a socket gets: a notice with the `temperature` of the site's main sensor, or that of the camera at a station
    without one. Of a reading: `latest_image` is the newest saved picture, with its camera and that camera's `status`,
    and what only a capture has is left out."""

    camera: str
    status: str
    temperature: float | None
    latest_image: LatestImage | None
    camera_temperature: NotRequired[float | None]
    capture: NotRequired[str]
    outcome: NotRequired[str]
    reason: NotRequired[str]


CAPTURES: NoticeKind[CaptureNotice] = NoticeKind("captures")
CAMERAS = PreparedQuery(
    lambda: Camera.objects.only("observed", "removed_at").filter(pk=Parameter("camera", UUIDField()))
)


def publish_captures(captures: Sequence[tuple[Capture, str, Sequence[CaptureFile]]]) -> None:
    """Publish each capture, with its camera's slug and its files, after the commit; a failure does not affect the
    commit."""
    # The cameras' rows, too, are read after the commit: the caller of a capture has been answered by then.
    transaction.on_commit(lambda: _publish_present(captures), robust=True)


def _publish_present(captures: Sequence[tuple[Capture, str, Sequence[CaptureFile]]]) -> None:
    """Publish, but nothing for a removed camera: another camera may have its slug, with another audience."""
    cameras = {camera: CAMERAS.first(camera=camera) for camera in {capture.camera_id for capture, *_ in captures}}
    for capture, slug, files in captures:
        camera = cameras[capture.camera_id]
        if camera is not None and camera.removed_at is None:
            publish_notice(CAPTURES, capture_notice(capture, slug, camera.observed, files))


def capture_notice(capture: Capture, slug: str, observed: str, files: Sequence[CaptureFile]) -> CaptureNotice:
    saved = capture.status == Capture.Status.SAVED
    return CaptureNotice(
        camera=slug,
        status=observed,
        camera_temperature=capture.temperature_celsius,
        latest_image=latest_image(capture, files) if saved else None,
        capture=str(capture.pk),
        outcome=capture.status,
        reason=capture.reason,
    )


def latest_image(capture: Capture, files: Sequence[CaptureFile]) -> LatestImage | None:
    """None when the station holds no file of it. `thumbnail` is null when none of its files can be rendered."""
    if not files:
        return None
    return LatestImage(id=str(capture.pk), url=f"{capture.url}file/", thumbnail=capture.thumbnail_of(files))
