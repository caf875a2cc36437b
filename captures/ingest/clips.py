"""Ingests records of clips, idempotent by the clip's id and in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings

from cameras.spool.records import ClipRecord
from captures.capturing.records import camera_of
from captures.experiments.membership import shown_by
from captures.experiments.models import Experiment
from captures.recordings.claims.services import experiments_of, hold_clips
from captures.recordings.clips.models import Clip
from core.camera_names import CameraRef
from core.events.service import record_event
from core.text.sentences import join_sentences, sentence


def ingest_clips(records: Iterable[ClipRecord]) -> None:
    for record in records:
        ingest_clip(record)


def ingest_clip(record: ClipRecord) -> None:
    """Save the clip of a record. A record that is known already changes nothing."""
    if Clip.objects.filter(pk=record["id"]).exists():
        return
    clip = clip_of(record)
    clip.save(force_insert=True)
    _hold_for_experiments(clip, record["body"].get("origin", {}).get("experiments", []))
    _record_clip_event(clip, camera_of(record))


def clip_of(record: ClipRecord) -> Clip:
    """The unsaved row for a record of this host."""
    body, [file] = record["body"], record["files"]
    return Clip(
        id=record["id"],
        camera_id=record["camera"],
        started_at=datetime.fromisoformat(body["started"]),
        ended_at=datetime.fromisoformat(body["ended"]),
        requested_by=body["requested_by"],
        host=settings.STATION.host,
        root_id=record["root"],
        path=file["path"],
        bytes=file["bytes"],
        sha256=file["sha256"],
        width=file["width"] or 0,
        height=file["height"] or 0,
        kind=body["kind"],
        frames=body["frames"],
        lost_frames=body["lost_frames"],
        interrupted=body["interrupted"],
        reason=body["reason"],
        message=body["message"],
        simulated=body["simulated"],
        codec=body["codec"],
        copied=body["copied"],
        boot=body.get("origin", {}).get("boot", ""),
        boot_s=body.get("origin", {}).get("boot_s"),
        conditions=body.get("origin", {}).get("conditions", {}),
        delivery=body.get("delivery", {}),
        **body.get("clock", {}),
    )


def _hold_for_experiments(clip: Clip, named: list[str]) -> None:
    """In the transaction of the clip's row, so that retention never sees the row without its holds. `named` are the
    experiments for which the clip was recorded; a clip of the pre-roll was begun before its experiment."""
    # An experiment can be unknown: the database was restored from a backup, for example.
    known = Experiment.objects.filter(pk__in=named).values_list("pk", flat=True) if named else []
    for experiment in {*known, *experiments_of(clip), *shown_by(clip)}:
        hold_clips([clip.pk], experiment)


def _record_clip_event(clip: Clip, camera: CameraRef) -> None:
    length = f"{clip.duration.total_seconds():.1f} s with {clip.frames} {'frame' if clip.frames == 1 else 'frames'}"
    lost = f", {clip.lost_frames} lost" if clip.lost_frames else ""
    unknown = " How many frames it lost is unknown." if clip.lost_frames is None else ""
    summary = sentence(
        "{camera} recorded a clip of {length}{lost}.{unknown}",
        camera=camera, length=length, lost=lost, unknown=unknown,
    )  # fmt: skip
    data = {"reason": clip.reason, "lost_frames": clip.lost_frames} if clip.interrupted or clip.lost_frames else {}
    record_event(
        "recording.lost" if clip.interrupted or clip.lost_frames else "recording.rotated",
        join_sentences([summary, clip.delivered.lack, clip.message]),
        severity="warning" if data else "info",
        camera=camera,
        subject=clip.pk,
        data=data,
    )
