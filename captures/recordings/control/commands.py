"""Start and stop a camera's recording, and begin a new clip. The request is stored as a claim
(`captures.recording_claims`) and survives restarts. The camera's host reads the desired recording from the camera's
row, gets a command and answers with the outcome."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any, Literal, TypedDict, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from cameras import leases
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
from cameras.draining import check_not_draining
from cameras.errors import UNREACHED, ControlError, TooSlow
from cameras.models import Camera, desired_connection, may_record
from cameras.runtime.spec import Recorder, Recording, is_recording
from cameras.status import status
from cameras.status.messages import Status
from captures.recordings.claims.models import OF_PEOPLE, RecordingClaim
from captures.recordings.claims.services import (
    claim_for_person,
    end_claims_of_people,
    experiment_claims,
    is_suspended,
    resume_experiments,
    suspend_experiments,
)
from captures.recordings.clips.models import ClipKind
from captures.roots.models import StorageClass
from captures.roots.roots import assigned_root
from core.broker.broker import BrokerDown
from core.events.models import Event
from core.events.service import record_event
from core.station_settings import camera_config
from core.text.sentences import Sentence, join_sentences, pluralize, sentence

Experiments = Literal["ask", "keep", "suspend"]
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


class RecordingClaimed(ControlError):
    """Experiments record the camera. The message names them and says what to do."""

    problem = "recording-claimed"

    def __init__(self, camera: Camera, claims: list[RecordingClaim]) -> None:
        self.experiments = [claim.experiment for claim in claims if claim.experiment]
        names = ", ".join(repr(one.name) for one in self.experiments)
        super().__init__(
            sentence(
                "{camera} is recorded for {experiments}: {names}. Choose what happens to them: with `keep` only the "
                "recording that people requested ends; with `suspend` the recording for experiments stops too, and "
                "their account shows the gap.",
                camera=camera, experiments=pluralize(len(claims), "experiment"), names=names,
            )
        )  # fmt: skip


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
        check_not_draining(locked)
        event = _store_start(locked, kind, actor)
    deferred = sentence("{camera} starts recording as soon as it can; the request is stored.", camera=camera)
    # Sent after the commit: the host reconciles with the row each second, and a wait of seconds must not hold the lock.
    return _await_outcome(locked, desired_recording(locked), event, deferred, START_S)


def request_recording(camera: Camera, kind: str, actor: str = "") -> None:
    """Store which clips people want recorded, none if `kind` is empty, and wait for nothing: the camera's host follows
    within a second. Experiments go on. Refuses what `record` refuses."""
    with record_refusals(camera, "record", actor, {"kind": kind}), transaction.atomic():
        locked = _locked(camera, actor)
        if kind:
            _check_recordable(locked, kind)
            _store_start(locked, kind, actor)
        else:
            _store_stop(locked, OF_PEOPLE, "keep", actor)


def stop_recording(camera: Camera, actor: str = "", kind: str = "", experiments: Experiments = "ask") -> RecordingBody:
    """Stop the recording that people requested, or only that of clips of a `kind`; returns when the last clip is
    finalized, or the next one has begun where other claims stand. `experiments` is what happens to experiments that
    record the camera; `ask` refuses the stop.

    LeaseHeld, RecordingClaimed: nothing is stored. RecordingDeferred when its host does not answer.
    """
    with record_refusals(camera, "stop-recording", actor), transaction.atomic():
        locked = _locked(camera, actor)
        event = _store_stop(locked, (kind,) if kind else OF_PEOPLE, experiments, actor)
    # No process runs that could answer, and none has a clip to finalize.
    if desired_connection(locked) != "connected":
        return _make_body(locked, RecordAnswer(recorder=None, clip=None))
    desired = desired_recording(locked)
    if desired is None:
        deferred = "{camera} stops recording as soon as its host answers; the request is stored."
    else:
        deferred = "{camera} changes its recording as soon as it can; the request is stored."
    return _await_outcome(locked, desired, event, sentence(deferred, camera=camera), FINALIZE_S)


def new_clip(camera: Camera, actor: str = "") -> str:
    """End the open clip and begin another with the next frame. Returns the id of the ended clip once it is finalized.

    NotRecording, LeaseHeld; another ControlError or BrokerDown if the host does not answer.
    """
    with record_refusals(camera, "new-clip", actor), transaction.atomic():
        locked = _locked(camera, actor)
    if not locked.recording:
        template = "{camera} is not recording. Start it first: `skycam record start {slug}`."
        raise NotRecording(sentence(template, camera=camera, slug=camera.slug))
    # Nothing is stored: a new clip begins now or not at all.
    with record_failures(camera, "new-clip", actor, {}):
        clip = control.run_command(camera, ROTATE, Arguments(), wait_s=FINALIZE_S)["clip"]
    message = sentence("{who} began a new clip of {camera}.", who=actor or "Someone", camera=camera)
    data = command_data("new-clip", {}, DONE)
    record_event("command", message, camera=camera, actor=actor, subject=clip, data=data)
    return clip


def _locked(camera: Camera, actor: str) -> Camera:
    """The current row, locked until the transaction ends. LeaseHeld."""
    locked = Camera.objects.select_for_update().get(pk=camera.pk)
    leases.check_holder(locked, actor)
    return locked


def _check_recordable(camera: Camera, kind: str) -> None:
    if kind not in ClipKind.values:
        raise ValidationError({"kind": f"No such kind of clip. Choose one of: {', '.join(ClipKind.values)}."})
    if not may_record(camera):
        template = "{camera} gives no stream of frames, so it cannot be recorded. Capture stills or start a session."
        raise ValidationError(sentence(template, camera=camera))


def _store_start(locked: Camera, kind: str, actor: str) -> Event | None:
    """None if it is desired already: then the command is only sent again. Suspended experiments record again."""
    resumed = resume_experiments(locked, actor)
    if not claim_for_person(locked, kind, actor) and not resumed:
        return None
    for claim in resumed:
        _record_suspension("experiment.resumed", "resumed", locked, claim, actor)
    did = sentence("started the recording of {camera}.", camera=locked)
    return record_desired_change(locked, "record", did, actor, {"kind": kind})


def _store_stop(locked: Camera, kinds: Iterable[str], experiments: Experiments, actor: str) -> Event | None:
    """None if no claim of people stands and no experiment is suspended by it."""
    recording_for = [claim for claim in experiment_claims(locked) if not is_suspended(claim)]
    if recording_for and experiments == "ask":
        raise RecordingClaimed(locked, recording_for)
    was_recording = bool(locked.recording)
    suspended = suspend_experiments(locked, actor) if experiments == "suspend" else []
    ended = end_claims_of_people(locked, kinds)
    for claim in suspended:
        _record_suspension("experiment.suspended", "stopped", locked, claim, actor)
    if not ended and not suspended and (was_recording == bool(locked.recording)):
        return None
    arguments = {"experiments": [str(claim.experiment_id) for claim in suspended]} if suspended else {}
    if locked.recording:
        did = "ended a request to record {camera}, which is recorded on for another."
    else:
        did = "stopped the recording of {camera}."
    return record_desired_change(locked, "stop-recording", sentence(did, camera=locked), actor, arguments)


def _record_suspension(kind: str, verb: str, camera: Camera, claim: RecordingClaim, actor: str) -> None:
    message = sentence(
        "{who} {verb} the recording of {camera} for the experiment {experiment!r}.",
        who=actor or "Someone", verb=verb, camera=camera, experiment=str(claim.experiment),
    )  # fmt: skip
    severity = "warning" if kind == "experiment.suspended" else "info"
    record_event(kind, message, severity=severity, camera=camera, subject=claim.experiment_id, actor=actor)


def _await_outcome(
    camera: Camera, recording: Recording | None, event: Event | None, deferred: str, wait_s: float
) -> RecordingBody:
    try:
        with record_outcome(event) if event else nullcontext():
            return _make_body(camera, _send_recording(camera, recording, wait_s))
    except UNREACHED as error:
        message = join_sentences([str(error), deferred])
        raise RecordingDeferred(message, problem_of(error), getattr(error, "reason", "")) from error


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


def _unreachable_reason(camera: Camera) -> Sentence | None:
    """Why the camera gives no frames, as its host reports; None if the camera works or its state is unknown."""
    try:
        found = status.read_status(camera)
    except BrokerDown:
        # The command that follows reports the broker itself.
        return None
    if found["observed"] not in {"reconnecting", "quarantined"}:
        return None
    return join_sentences(
        [sentence("{camera} is {observed}.", camera=camera, observed=found["observed"]), found["reason"]]
    )


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


def desired_recording(camera: Camera) -> Recording | None:
    """The desired recording for the camera's process; None for nothing."""
    if not camera.recording or camera.removed_at is not None:
        return None
    asked: dict[str, Any] = {"kind": camera.recording, "requested_by": camera.recording_by}
    if camera.recording_experiments:
        asked["experiments"] = camera.recording_experiments
    return cast(Recording, {**asked, **recording_settings()})


def recording_settings() -> dict[str, Any]:
    """Settings of every recording. The camera's host decides, as its configuration may differ from the caller's."""
    config, host = camera_config(), settings.STATION.host
    root = assigned_root(host, StorageClass.CLIPS)
    # `exhausted` is set by the cleanup: no clip is left to delete, so a new rolling clip would be the next one deleted.
    floor_gb = config.soft_floor_gb if root is not None and root.exhausted else config.hard_floor_gb
    return {
        "clip_s": config.clip_s,
        "preset": config.preset,
        "crf": config.crf,
        "max_kbit_s": config.max_kbit_s,
        "floor_bytes": int(config.hard_floor_gb * 1e9),
        "rolling_floor_bytes": int(floor_gb * 1e9),
    }


def describe_recording(body: RecordingBody) -> str:
    """Whether the camera is recording, and if not, why."""
    camera, recorder = body["camera"], body["recorder"]
    if recorder is None:
        unknown = f"{camera} should be recording; its host does not answer, so its state is unknown."
        return unknown if body["desired"] else f"{camera} is not recording."
    return f"{camera} {_describe_state(recorder)} {recorder['message']}".strip()


def _describe_state(recorder: Recorder) -> str:
    if recorder["state"] == "failing":
        return "cannot record."
    if recorder["state"] == "waiting":
        return "should be recording and is waiting for frames."
    return f"is recording ({recorder['kind']}{', started by ' + recorder['by'] if recorder['by'] else ''})."
