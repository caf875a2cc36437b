"""Outcomes of captures for their camera host: those that it decides, because no spool ever held the capture, and those
that the database knows."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from cameras.runtime.messages import LastCapture
from cameras.spool.moments import iso
from captures.capturing.models import Capture
from captures.capturing.outcome_events import StoredOutcome, publish_outcomes
from core.text.sentences import beside_camera


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
