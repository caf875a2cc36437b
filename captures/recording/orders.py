"""The desired recording of a camera, and what came of it: start, stop, a new clip.

The desired state is in the camera's row and lasts across restarts; its host is told, and answers with what it observed.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, TypedDict

from django.core.exceptions import ValidationError
from django.db import transaction

from cameras import control, lease_holders, status
from cameras.broker import BrokerDown
from cameras.command_events import (
    DONE,
    UNREACHED,
    command_data,
    problem_of,
    record_desired_change,
    record_failures,
    record_outcome,
    record_refusals,
)
from cameras.control import ControlError, TooSlow
from cameras.models import Camera, may_record
from cameras.runtime.recording_state import Recorder, is_recording
from cameras.status import Status
from captures.models.clip import ClipKind
from captures.recording.ingest import desired_recording
from monitoring.models import Event
from monitoring.services import record_event

START_S, FILE_S, AWAY_S = 10.0, 20.0, 3.0
"""How long the first frame in a clip is waited for; the last clip's place on the disk; and a camera that is away."""


class RecordingBody(TypedDict):
    """`desired` is the kind of clips that is desired, null for none; `recorder` as it was observed, null once nothing
    is recorded; `clip` the one that grows, after a stop the one that was filed last."""

    camera: str
    desired: str | None
    recording: bool
    recorder: Recorder | None
    clip: str | None


class Kept(ControlError):
    """The camera could not do it now. The request is kept, and carried out as soon as it can."""


class NotRecording(ControlError):
    problem = "not-recording"


def record(camera: Camera, kind: str = "", actor: str = "") -> RecordingBody:
    """Store that the camera should be recorded; answered when the first frame is in a clip. Without a kind, what is
    desired already stays as it is: clips that somebody wants kept do not become rolling ones. Else rolling.

    ValidationError for a camera without a stream, or another kind of clip; LeaseHeld by another: then nothing was
    stored. Kept where it does not record yet.
    """
    with record_refusals(camera, "record", actor, {"kind": kind}), transaction.atomic():
        locked = _locked(camera, actor)
        kind = kind or locked.recording or ClipKind.ROLLING
        _check(locked, kind)
        event = _store_desired_kind(locked, kind, actor)
    kept = f"{camera.slug} records as soon as it can: that is kept."
    return _told(locked, desired_recording(locked), event, kept, START_S)


def stop_recording(camera: Camera, actor: str = "") -> RecordingBody:
    """Store that it should not be recorded; answered when its last clip is filed. LeaseHeld; Kept when its host could
    not be told."""
    with record_refusals(camera, "stop-recording", actor), transaction.atomic():
        locked = _locked(camera, actor)
        event = _store_desired_kind(locked, "", actor)
    if status.desired_connection(locked) != "connected":
        return _body(locked, {"clip": None})
    return _told(locked, None, event, f"{camera.slug} stops recording as soon as it hears of it: that is kept.", FILE_S)


def new_clip(camera: Camera, actor: str = "") -> str:
    """End the clip that grows, and begin the next one with the next frame. The id of the first, once it is filed.

    NotRecording, LeaseHeld; another ControlError or BrokerDown when it could not be told.
    """
    with record_refusals(camera, "new-clip", actor), transaction.atomic():
        locked = _locked(camera, actor)
    if not locked.recording:
        raise NotRecording(f"{camera.slug} does not record. Start that first: `skycam record start {camera.slug}`.")
    with record_failures(camera, "new-clip", actor, {}):
        clip: str = control.run_command(camera, "rotate", wait_s=FILE_S)["clip"]
    record_event(
        "command", f"{actor or 'Someone'} began a new clip of {camera.slug}.", camera=camera, actor=actor,
        subject=clip, data=command_data("new-clip", {}, DONE),
    )  # fmt: skip
    return clip


def _locked(camera: Camera, actor: str) -> Camera:
    """The row as it is now, until the transaction ends. LeaseHeld by another."""
    locked = Camera.objects.select_for_update().get(pk=camera.pk)
    lease_holders.check_holder(locked, actor)
    return locked


def _check(camera: Camera, kind: str) -> None:
    if kind not in ClipKind.values:
        raise ValidationError({"kind": f"There is no such kind of clip: {', '.join(ClipKind.values)}."})
    if not may_record(camera):
        raise ValidationError(
            f"{camera.slug} gives no stream of frames, so there is nothing to record. Take pictures: capture, or start "
            "a session."
        )


def _store_desired_kind(locked: Camera, kind: str, actor: str) -> Event | None:
    """None when it is desired already: then the host is only asked once more."""
    if locked.recording == kind:
        return None
    locked.recording, locked.recording_by = kind, actor if kind else ""
    locked.save(update_fields=["recording", "recording_by"])
    if kind:
        return record_desired_change(
            locked, "record", f"started the recording of {locked.slug}.", actor, {"kind": kind}
        )
    return record_desired_change(locked, "stop-recording", f"stopped the recording of {locked.slug}.", actor, {})


def _told(
    camera: Camera, recording: dict[str, Any] | None, event: Event | None, kept: str, wait_s: float
) -> RecordingBody:
    try:
        with record_outcome(event) if event else nullcontext():
            return _body(camera, _asked(camera, recording, wait_s))
    except UNREACHED as error:
        raise Kept(f"{error} {kept}", problem_of(error), getattr(error, "reason", "")) from error


def _asked(camera: Camera, recording: dict[str, Any] | None, wait_s: float) -> dict[str, Any]:
    """The host's answer. ControlError or BrokerDown, with what keeps the camera where its host has said that."""
    keeps = _keeps(camera)
    try:
        return control.run_command(camera, "record", {"recording": recording}, wait_s=AWAY_S if keeps else wait_s)
    except TooSlow as error:
        if why := _keeps(camera) or keeps:
            raise ControlError(why, reason="camera_unreachable") from error
        raise


def _keeps(camera: Camera) -> str:
    """Why the camera gives no frames, as its host says; empty while it works, or nobody knows."""
    try:
        found = status.read_status(camera)
    except BrokerDown:
        return ""
    away = found["observed"] in {"reconnecting", "quarantined"}
    return f"{camera.slug} is {found['observed']}. {found['reason']}".strip() if away else ""


def _body(camera: Camera, answer: dict[str, Any]) -> RecordingBody:
    recorder: Recorder | None = answer.get("recorder")
    return RecordingBody(
        camera=camera.slug, desired=camera.recording or None, recording=is_recording(recorder),
        recorder=recorder, clip=answer["clip"],
    )  # fmt: skip


def recording_of(camera: Camera, told: Status) -> RecordingBody:
    """As its status tells."""
    recorder = told["recorder"]
    return _body(camera, {"recorder": recorder, "clip": recorder["clip"] if recorder else None})
