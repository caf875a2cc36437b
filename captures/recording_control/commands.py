"""Start and stop a camera's recording, and begin a new clip.

The request is stored in the camera's row and survives restarts. Its host gets a command and answers with the outcome.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TypedDict

from django.core.exceptions import ValidationError
from django.db import transaction

from cameras.broker.broker import BrokerDown
from cameras.command_events import (
    DONE,
    command_data,
    problem_of,
    record_desired_change,
    record_failures,
    record_outcome,
    record_refusals,
)
from cameras.commands import control
from cameras.commands.messages import RECORD, ROTATE, Arguments, RecordAnswer, RecordArguments
from cameras.errors import UNREACHED, ControlError, TooSlow
from cameras.leases import lease_holders
from cameras.models import Camera, desired_connection, may_record
from cameras.runtime.recording_state import Recorder, is_recording
from cameras.runtime.spec import Recording
from cameras.status import status
from cameras.status.messages import Status
from captures.clips.models import ClipKind
from captures.recording_control.desired import desired_recording
from monitoring.models import Event
from monitoring.services import record_event

START_S, FINALIZE_S, UNREACHABLE_S = 10.0, 20.0, 3.0
"""Seconds to wait for the first frame in a clip, for the last clip to be finalized, and for a camera that is not
connected."""


class RecordingBody(TypedDict):
    """`desired` is the desired kind of clips, null for none; `recorder` the observed recorder, null if there is none;
    `clip` the open clip, after a stop the last one."""

    camera: str
    desired: str | None
    recording: bool
    recorder: Recorder | None
    clip: str | None


class RecordingDeferred(ControlError):
    """The camera cannot do it now. The request is stored and carried out as soon as the camera can."""


class NotRecording(ControlError):
    problem = "not-recording"


def record(camera: Camera, kind: str = "", actor: str = "") -> RecordingBody:
    """Start recording; returns when the first frame is in a clip. Without `kind` a recording keeps its kind, so that
    manual clips do not become rolling ones; a new recording is rolling.

    ValidationError for a camera without a stream, or an unknown kind; LeaseHeld if someone else holds the camera.
    Neither changes the stored request. RecordingDeferred if the camera does not record yet.
    """
    # `record_refusals` outside: its event must outlast the rollback. The row is locked until the request is stored, so
    # of two starts at a time the second sees the first.
    with record_refusals(camera, "record", actor, {"kind": kind}), transaction.atomic():
        locked = _locked(camera, actor)
        # Read from the locked row: the caller's may be older than another user's request.
        kind = kind or locked.recording or ClipKind.ROLLING
        _check_recordable(locked, kind)
        event = _store_desired_kind(locked, kind, actor)
    deferred = f"{camera.slug} starts recording as soon as it can; the request is stored."
    # Sent after the commit: the host reconciles with the row each second, and a wait of seconds must not hold the lock.
    return _await_outcome(locked, desired_recording(locked), event, deferred, START_S)


def request_recording(camera: Camera, kind: str, actor: str = "") -> None:
    """Store which clips to record, none if `kind` is empty, and wait for nothing: the camera's host follows within a
    second. Refuses what `record` refuses."""
    with record_refusals(camera, "record", actor, {"kind": kind}), transaction.atomic():
        locked = _locked(camera, actor)
        if kind:
            _check_recordable(locked, kind)
        _store_desired_kind(locked, kind, actor)


def stop_recording(camera: Camera, actor: str = "") -> RecordingBody:
    """Stop recording; returns when the last clip is finalized. LeaseHeld; RecordingDeferred when its host does not
    answer."""
    with record_refusals(camera, "stop-recording", actor), transaction.atomic():
        locked = _locked(camera, actor)
        event = _store_desired_kind(locked, "", actor)
    # No process runs that could answer, and none has a clip to finalize.
    if desired_connection(locked) != "connected":
        return _make_body(locked, RecordAnswer(recorder=None, clip=None))
    return _await_outcome(
        locked,
        None,
        event,
        f"{camera.slug} stops recording as soon as its host answers; the request is stored.",
        FINALIZE_S,
    )


def new_clip(camera: Camera, actor: str = "") -> str:
    """End the open clip and begin another with the next frame. Returns the id of the ended clip once it is finalized.

    NotRecording, LeaseHeld; another ControlError or BrokerDown if the host does not answer.
    """
    with record_refusals(camera, "new-clip", actor), transaction.atomic():
        locked = _locked(camera, actor)
    if not locked.recording:
        raise NotRecording(f"{camera.slug} is not recording. Start it first: `skycam record start {camera.slug}`.")
    # Nothing is stored: a new clip begins now or not at all.
    with record_failures(camera, "new-clip", actor, {}):
        clip = control.run_command(camera, ROTATE, Arguments(), wait_s=FINALIZE_S)["clip"]
    record_event(
        "command", f"{actor or 'Someone'} began a new clip of {camera.slug}.", camera=camera, actor=actor,
        subject=clip, data=command_data("new-clip", {}, DONE),
    )  # fmt: skip
    return clip


def _locked(camera: Camera, actor: str) -> Camera:
    """The current row, locked until the transaction ends. LeaseHeld."""
    locked = Camera.objects.select_for_update().get(pk=camera.pk)
    lease_holders.check_holder(locked, actor)
    return locked


def _check_recordable(camera: Camera, kind: str) -> None:
    if kind not in ClipKind.values:
        raise ValidationError({"kind": f"No such kind of clip. Choose one of: {', '.join(ClipKind.values)}."})
    if not may_record(camera):
        raise ValidationError(
            f"{camera.slug} gives no stream of frames, so it cannot be recorded. Capture stills or start a session."
        )


def _store_desired_kind(locked: Camera, kind: str, actor: str) -> Event | None:
    """None if it is desired already: then the command is only sent again."""
    if locked.recording == kind:
        return None
    locked.recording, locked.recording_by = kind, actor if kind else ""
    locked.save(update_fields=["recording", "recording_by"])
    if kind:
        return record_desired_change(
            locked, "record", f"started the recording of {locked.slug}.", actor, {"kind": kind}
        )
    return record_desired_change(locked, "stop-recording", f"stopped the recording of {locked.slug}.", actor, {})


def _await_outcome(
    camera: Camera, recording: Recording | None, event: Event | None, deferred: str, wait_s: float
) -> RecordingBody:
    try:
        with record_outcome(event) if event else nullcontext():
            return _make_body(camera, _send_recording(camera, recording, wait_s))
    except UNREACHED as error:
        raise RecordingDeferred(f"{error} {deferred}", problem_of(error), getattr(error, "reason", "")) from error


def _send_recording(camera: Camera, recording: Recording | None, wait_s: float) -> RecordAnswer:
    """The host's answer. ControlError or BrokerDown, with the reason why the camera is not connected if its host
    reported it."""
    unreachable = _unreachable_reason(camera)
    try:
        arguments = RecordArguments(recording=recording)
        # A camera that is reconnecting may be back at any moment: it gets a short wait instead of a refusal.
        return control.run_command(camera, RECORD, arguments, wait_s=UNREACHABLE_S if unreachable else wait_s)
    except TooSlow as error:
        # Asked once more, as the camera may have gone away during the wait: its reason helps more than a timeout.
        if why := _unreachable_reason(camera) or unreachable:
            raise ControlError(why, reason="camera_unreachable") from error
        raise


def _unreachable_reason(camera: Camera) -> str:
    """Why the camera gives no frames, as its host reports; empty if the camera works or its state is unknown."""
    try:
        found = status.read_status(camera)
    except BrokerDown:
        # The command that follows reports the broker itself.
        return ""
    unreachable = found["observed"] in {"reconnecting", "quarantined"}
    return f"{camera.slug} is {found['observed']}. {found['reason']}".strip() if unreachable else ""


def _make_body(camera: Camera, answer: RecordAnswer) -> RecordingBody:
    recorder = answer["recorder"]
    return RecordingBody(
        camera=camera.slug, desired=camera.recording or None, recording=is_recording(recorder),
        recorder=recorder, clip=answer["clip"],
    )  # fmt: skip


def recording_body(camera: Camera, reported: Status) -> RecordingBody:
    """The recording as the camera's status reports it."""
    recorder = reported["recorder"]
    return _make_body(camera, RecordAnswer(recorder=recorder, clip=recorder["clip"] if recorder else None))
