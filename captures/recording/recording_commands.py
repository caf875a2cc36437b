"""What is wished of a camera's recording, and what came of it: start, stop, a new clip.

The wish is in the camera's row and lasts across restarts; its host is told, and answers with what it observed.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, TypedDict

from django.core.exceptions import ValidationError
from django.db import transaction

from cameras import control, leases, status
from cameras.broker import BrokerDown
from cameras.commands import DONE, UNREACHED, failures_told, outcome_in, problem_of, refusals_told, told, wished
from cameras.control import ControlError, TooSlow
from cameras.models import Camera, may_record
from cameras.runtime.recording_state import Recorder, is_recording
from cameras.status import Status
from captures.models.clip import ClipKind
from captures.recording.ingest import wished_recording
from monitoring.models import Event
from monitoring.services import record_event

START_S, FINALIZE_S, UNREACHABLE_S = 10.0, 20.0, 3.0
"""How long the first frame in a clip is waited for; the last clip's place on the disk; and a camera that is away."""


class RecordingBody(TypedDict):
    """`desired` is the kind of clips that is wished, null for none; `recorder` as it was observed, null once nothing is
    recorded; `clip` the one that grows, after a stop the one that was filed last."""

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
    """Wish the camera recorded; answered when the first frame is in a clip. Without a kind, what is wished already
    stays as it is: clips that somebody wants kept do not become rolling ones. Else rolling.

    ValidationError for a camera without a stream, or another kind of clip; Held by another: then nothing was wished.
    RecordingDeferred where it does not record yet.
    """
    with refusals_told(camera, "record", actor, {"kind": kind}), transaction.atomic():
        locked = _locked(camera, actor)
        kind = kind or locked.recording or ClipKind.ROLLING
        _check_recordable(locked, kind)
        event = _wish(locked, kind, actor)
    deferred = f"{camera.slug} records as soon as it can: that is kept."
    return _await_outcome(locked, wished_recording(locked), event, deferred, START_S)


def stop_recording(camera: Camera, actor: str = "") -> RecordingBody:
    """Stop recording; returns when the last clip is finalized. Held; RecordingDeferred when its host does not
    answer."""
    with refusals_told(camera, "stop-recording", actor), transaction.atomic():
        locked = _locked(camera, actor)
        event = _wish(locked, "", actor)
    if status.desired(locked) != "connected":
        return _make_body(locked, {"clip": None})
    return _await_outcome(
        locked, None, event, f"{camera.slug} stops recording as soon as it hears of it: that is kept.", FINALIZE_S
    )


def new_clip(camera: Camera, actor: str = "") -> str:
    """End the clip that grows, and begin the next one with the next frame. The id of the first, once it is filed.

    NotRecording, Held; another ControlError or BrokerDown when it could not be told.
    """
    with refusals_told(camera, "new-clip", actor), transaction.atomic():
        locked = _locked(camera, actor)
    if not locked.recording:
        raise NotRecording(f"{camera.slug} does not record. Start that first: `skycam record start {camera.slug}`.")
    with failures_told(camera, "new-clip", actor, {}):
        clip: str = control.ask(camera, "rotate", wait_s=FINALIZE_S)["clip"]
    record_event(
        "command", f"{actor or 'Someone'} began a new clip of {camera.slug}.", camera=camera, actor=actor,
        subject=clip, data=told("new-clip", {}, DONE),
    )  # fmt: skip
    return clip


def _locked(camera: Camera, actor: str) -> Camera:
    """The row as it is now, until the transaction ends. Held by another."""
    locked = Camera.objects.select_for_update().get(pk=camera.pk)
    leases.check(locked, actor)
    return locked


def _check_recordable(camera: Camera, kind: str) -> None:
    if kind not in ClipKind.values:
        raise ValidationError({"kind": f"There is no such kind of clip: {', '.join(ClipKind.values)}."})
    if not may_record(camera):
        raise ValidationError(
            f"{camera.slug} gives no stream of frames, so there is nothing to record. Take pictures: capture, or start "
            "a session."
        )


def _wish(locked: Camera, kind: str, actor: str) -> Event | None:
    """None when it is wished already: then the host is only asked once more."""
    if locked.recording == kind:
        return None
    locked.recording, locked.recording_by = kind, actor if kind else ""
    locked.save(update_fields=["recording", "recording_by"])
    if kind:
        return wished(locked, "record", f"started the recording of {locked.slug}.", actor, {"kind": kind})
    return wished(locked, "stop-recording", f"stopped the recording of {locked.slug}.", actor, {})


def _await_outcome(
    camera: Camera, recording: dict[str, Any] | None, event: Event | None, deferred: str, wait_s: float
) -> RecordingBody:
    try:
        with outcome_in(event) if event else nullcontext():
            return _make_body(camera, _ask_host(camera, recording, wait_s))
    except UNREACHED as error:
        raise RecordingDeferred(f"{error} {deferred}", problem_of(error), getattr(error, "reason", "")) from error


def _ask_host(camera: Camera, recording: dict[str, Any] | None, wait_s: float) -> dict[str, Any]:
    """The host's answer. ControlError or BrokerDown, with what keeps the camera where its host has said that."""
    unreachable = _unreachable_reason(camera)
    try:
        return control.ask(camera, "record", {"recording": recording}, wait_s=UNREACHABLE_S if unreachable else wait_s)
    except TooSlow as error:
        if why := _unreachable_reason(camera) or unreachable:
            raise ControlError(why, reason="camera_unreachable") from error
        raise


def _unreachable_reason(camera: Camera) -> str:
    """Why the camera gives no frames, as its host says; empty while it works, or nobody knows."""
    try:
        found = status.read(camera)
    except BrokerDown:
        return ""
    away = found["observed"] in {"reconnecting", "quarantined"}
    return f"{camera.slug} is {found['observed']}. {found['reason']}".strip() if away else ""


def _make_body(camera: Camera, answer: dict[str, Any]) -> RecordingBody:
    recorder: Recorder | None = answer.get("recorder")
    return RecordingBody(
        camera=camera.slug, desired=camera.recording or None, recording=is_recording(recorder),
        recorder=recorder, clip=answer["clip"],
    )  # fmt: skip


def recording_body(camera: Camera, told: Status) -> RecordingBody:
    """As its status tells."""
    recorder = told["recorder"]
    return _make_body(camera, {"recorder": recorder, "clip": recorder["clip"] if recorder else None})
