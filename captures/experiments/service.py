"""`ExperimentService` creates and changes experiments, moves their state, and adds notes and attachments. A move is a
conditional UPDATE, with its event and what follows from it in one transaction. It records nothing itself:
EXPERIMENT_HANDLERS do."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

import uuid6
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import TextField, Value
from django.db.models.functions import Concat, Trim
from django.utils import timezone

from cameras.commands import control
from cameras.commands.messages import RECONCILE, Arguments
from cameras.errors import ControlError
from cameras.models import Camera
from cameras.selectors import NoPrimaryCamera, cameras_for, primary_camera_for
from captures.experiments.models import (
    Experiment,
    ExperimentAttachment,
    ExperimentCamera,
    ExperimentNote,
    ExperimentTag,
)
from captures.experiments.resource import (
    PLANNED,
    AttachmentRequest,
    ExperimentFields,
    ExperimentRequest,
    NoteRequest,
    ReasonBody,
    ReleasedBody,
)
from captures.experiments.selectors import check_sees_all, experiment_for
from captures.experiments.states import ENDED, EXPERIMENT_TRANSITIONS, ExperimentState
from captures.recordings.claims.services import HOLD, present_moment
from captures.recordings.clips.services import release_holds
from captures.tables import EXPERIMENT_HANDLERS
from core.broker.broker import BrokerDown
from core.events.service import record_event
from core.registry import resolve
from core.station_settings import auto_recording_config
from core.station_zone import reader_time_text
from core.text.names import person
from core.text.sentences import pluralize

log = logging.getLogger(__name__)

MOVE_EVENTS = {
    "running": "experiment.started",
    "completed": "experiment.completed",
    "aborted": "experiment.aborted",
    "archived": "experiment.archived",
}
"""State -> the event of a move to it."""


class WrongState(Exception):
    """The experiment's state does not allow it. The message says what does."""


class ExperimentService:
    """`user` decides which cameras may be used; None is the station itself. `actor` is named in events."""

    def __init__(self, user: Any, actor: str) -> None:
        self._user, self._actor = user, actor

    def create(self, request: ExperimentRequest, new_id: UUID | None = None) -> Experiment:
        """`new_id` becomes its id; an experiment that has this id already is returned as it is. ValidationError,
        NoPrimaryCamera."""
        if new_id and (created := Experiment.objects.filter(pk=new_id).first()):
            return self._present(created)
        given = request.columns()
        _check(given, given)
        values = {**default_values(), "operator": person(self._actor), **given}
        cameras = self._cameras(request.cameras)
        with transaction.atomic():
            experiment = Experiment.objects.create(id=new_id or uuid6.uuid7(), created_by=self._actor, **values)
            self._set_cameras(experiment, cameras)
            _set_tags(experiment, request.tags)
            self._record(experiment, "experiment.created", "created")
        return self._present(experiment)

    def change(self, experiment: Experiment, request: ExperimentFields) -> Experiment:
        """Change the given fields. Cameras and what decides what is recorded can be changed while it is planned, its
        planned end while it runs; name, texts and tags until it is archived. ValidationError, WrongState."""
        values = request.columns()
        with transaction.atomic():
            locked = Experiment.objects.select_for_update().get(pk=experiment.pk)
            check_sees_all(self._user, locked)
            _check_changeable(locked, request.model_fields_set)
            _check(values, {name: getattr(locked, name) for name in PLANNED} | values)
            for name, value in values.items():
                setattr(locked, name, value)
            locked.save(update_fields=[*values])
            if "cameras" in request.model_fields_set:
                self._set_cameras(locked, self._cameras(request.cameras))
            if "tags" in request.model_fields_set:
                _set_tags(locked, request.tags)
            self._record(locked, "experiment.changed", "changed", fields=sorted(request.model_fields_set))
        return self._present(locked)

    def start(self, experiment: Experiment) -> Experiment:
        """Starting twice changes nothing. WrongState for one that has ended."""
        return self._move_now(experiment, ExperimentState.RUNNING)

    def complete(self, experiment: Experiment) -> Experiment:
        return self._move_now(experiment, ExperimentState.COMPLETED)

    def abort(self, experiment: Experiment, wanted: ReasonBody) -> Experiment:
        """Its clips and captures stay."""
        return self._move_now(experiment, ExperimentState.ABORTED, wanted.reason)

    def _move_now(self, experiment: Experiment, state: ExperimentState, message: str = "") -> Experiment:
        """The hosts of its cameras follow at once."""
        moved = self.move(experiment, state, message=message)
        wake_hosts(moved)
        return moved

    def move(
        self, experiment: Experiment, state: ExperimentState, reason: str = "", message: str = "", **planned: Any
    ) -> Experiment:
        """Move the experiment to `state`, with what follows from it. A state that it has already changes nothing.
        `planned`: planned times that it must still have. WrongState."""
        with transaction.atomic():
            sources = [source for source, targets in EXPERIMENT_TRANSITIONS.items() if state in targets]
            # In the UPDATE: a user may have planned another time since the experiment was read.
            movable = Experiment.objects.filter(pk=experiment.pk, state__in=sources, **planned)
            if state == ExperimentState.RUNNING:
                # It would be completed within a second, after its start was answered.
                movable = movable.exclude(planned_end__lte=timezone.now())
            moved = movable.update(
                state=state, **_why_columns(state, reason, message), **_move_columns(state, self._actor)
            )
            present = self._present(experiment)
            # After the UPDATE, which keeps others from adding a camera until the transaction ends.
            check_sees_all(self._user, present)
            if moved:
                severity = "warning" if state == ExperimentState.ABORTED else "info"
                self._record(present, MOVE_EVENTS[state], MOVE_EVENTS[state].partition(".")[2], message, severity)
                for path in EXPERIMENT_HANDLERS.values():
                    resolve(path)(present)
        if not moved and present.state != state:
            raise WrongState(describe_refusal(present, state))
        return self._present(experiment) if moved else present

    def add_note(self, experiment: Experiment, wanted: NoteRequest, new_id: UUID | None = None) -> ExperimentNote:
        """`new_id` becomes its id; a note that has this id already is returned as it is."""
        if new_id and (noted := ExperimentNote.objects.filter(pk=new_id).first()):
            return noted
        self._check_exists(experiment)
        with transaction.atomic():
            note = ExperimentNote.objects.create(
                id=new_id or uuid6.uuid7(), experiment=experiment, author=person(self._actor), text=wanted.text,
                **({"at": wanted.at} if wanted.at else {}),
            )  # fmt: skip
            self._record(experiment, "experiment.noted", "wrote a note on", note=str(note.pk))
        return note

    def add_attachment(
        self, experiment: Experiment, wanted: AttachmentRequest, new_id: UUID | None = None
    ) -> ExperimentAttachment:
        """`new_id` becomes its id; an attachment that has this id already is returned as it is."""
        if new_id and (attached := ExperimentAttachment.objects.filter(pk=new_id).first()):
            return attached
        self._check_exists(experiment)
        with transaction.atomic():
            added = ExperimentAttachment.objects.create(
                id=new_id or uuid6.uuid7(),
                experiment=experiment,
                added_by=person(self._actor),
                **wanted.given(),
            )
            self._record(experiment, "experiment.attached", "attached a reference to", attachment=str(added.pk))
        return added

    def release(self, experiment: Experiment) -> ReleasedBody:
        """Release the clips of an experiment that has ended: retention may delete them then. They still belong to it.
        WrongState."""
        check_sees_all(self._user, experiment)
        # Not locked: no state follows that is none of ENDED.
        found = Experiment.objects.get(pk=experiment.pk)
        if found.state not in ENDED:
            raise WrongState(f"The experiment is {found.state}: its clips are released after it has ended.")
        clips = release_holds(HOLD, str(found.pk))
        if clips:
            self._record(found, "experiment.released", f"released {pluralize(clips, 'clip')} of", clips=clips)
        return ReleasedBody(clips=clips)

    def _cameras(self, slugs: list[str]) -> list[Camera]:
        if not slugs:
            try:
                return [primary_camera_for(self._user)]
            except NoPrimaryCamera:
                message = "Name the cameras of the experiment, as no camera is the primary one."
                raise ValidationError({"cameras": message}) from None
        found = {camera.slug: camera for camera in cameras_for(self._user).filter(slug__in=slugs)}
        missing = [slug for slug in slugs if slug not in found]
        if missing:
            raise ValidationError({"cameras": f"There is no camera {missing[0]!r}."})
        return [found[slug] for slug in slugs]

    @staticmethod
    def _set_cameras(experiment: Experiment, cameras: list[Camera]) -> None:
        experiment.places.all().delete()
        ExperimentCamera.objects.bulk_create(
            [
                ExperimentCamera(experiment=experiment, camera=camera, position=position)
                for position, camera in enumerate(cameras, 1)
            ]
        )

    def _check_exists(self, experiment: Experiment) -> None:
        """Experiment.DoesNotExist for a user who may see none of its cameras."""
        if self._user is not None:
            experiment_for(self._user, experiment.pk)

    def _present(self, experiment: Experiment) -> Experiment:
        if self._user is not None:
            return experiment_for(self._user, experiment.pk)
        return Experiment.objects.prefetch_related("places__camera", "tags").get(pk=experiment.pk)

    def _record(
        self, experiment: Experiment, kind: str, verb: str, message: str = "", severity: str = "info", **data: Any
    ) -> None:
        text = f"{self._actor or 'The station'} {verb} the experiment {experiment.name!r}. {message}".strip()
        # Of its first camera, so that the event log shows it only to users who may see that one.
        place = experiment.places.select_related("camera").first()
        record_event(
            kind, text, severity=severity, camera=place.camera if place else None, subject=experiment.pk,
            actor=self._actor, data=data,
        )  # fmt: skip


def default_values() -> dict[str, Any]:
    config = auto_recording_config()
    return {
        "record": config.enabled, "pre_roll_s": config.pre_roll_s, "post_roll_s": config.post_roll_s,
        "still_interval_s": config.still_interval_s,
    }  # fmt: skip


def _check(given: dict[str, Any], together: dict[str, Any]) -> None:
    """Check what is given, `together` with what stays. ValidationError."""
    begin, end = together.get("planned_start"), together.get("planned_end")
    if begin and end and begin >= end:
        raise ValidationError({"planned_end": "It must be after planned_start."})
    if given.get("planned_end") and given["planned_end"] <= timezone.now():
        raise ValidationError({"planned_end": "It is over already."})
    if "operator" in given:
        user = get_user_model().objects.filter(username=given["operator"]).first()
        if user is None or not user.may("operator"):
            raise ValidationError({"operator": f"There is no user {given['operator']!r} with the role operator."})


WHILE_PLANNED = frozenset(
    {"cameras", "operator", "planned_start", "record", "pre_roll_s", "post_roll_s", "still_interval_s"}
)
UNTIL_THE_END = frozenset({"planned_end"})


def fixed_fields(experiment: Experiment) -> frozenset[str]:
    """The fields that cannot be changed any more in its state."""
    if experiment.state == "planned":
        return frozenset()
    if experiment.state == "archived":
        return frozenset(ExperimentFields.model_fields)
    return WHILE_PLANNED if experiment.state == "running" else WHILE_PLANNED | UNTIL_THE_END


def _check_changeable(experiment: Experiment, fields: set[str]) -> None:
    fixed = fields & fixed_fields(experiment)
    if fixed:
        raise WrongState(
            f"The experiment is {experiment.state}: {', '.join(sorted(fixed))} cannot be changed any more. "
            "Nothing was changed."
        )


def _set_tags(experiment: Experiment, tags: list[str]) -> None:
    experiment.tags.all().delete()
    ExperimentTag.objects.bulk_create([ExperimentTag(experiment=experiment, name=name) for name in tags])


def _why_columns(state: ExperimentState, reason: str, message: str) -> dict[str, Any]:
    """What is stated stays: that it began late, after its end; why it was aborted, after it was archived."""
    if state == ExperimentState.ARCHIVED:
        return {}
    if state == ExperimentState.RUNNING:
        return {"reason": reason, "message": message}
    both = Concat("message", Value(" "), Value(message), output_field=TextField())
    return {"reason": reason, "message": Trim(both)}


def _move_columns(state: ExperimentState, actor: str) -> dict[str, Any]:
    """The times of a move, by the wall clock and by the boot clock."""
    edge = {"running": "started", "completed": "ended", "aborted": "ended"}.get(state)
    if edge is None:
        return {}
    now = present_moment()
    return {
        f"{edge}_at": timezone.now(), f"{edge}_boot": now.boot, f"{edge}_boot_s": now.boot_s, f"{edge}_by": actor,
    }  # fmt: skip


def describe_refusal(experiment: Experiment, state: ExperimentState) -> str:
    end = experiment.planned_end
    is_start = (experiment.state, state) == (ExperimentState.PLANNED, ExperimentState.RUNNING)
    if is_start and end is not None and end <= timezone.now():
        over = f"The experiment {experiment.name!r} was planned until {reader_time_text(end)}, which is over."
        return f"{over} Change or clear its planned end, then start it."
    to = sorted(EXPERIMENT_TRANSITIONS[experiment.state])
    allowed = f"From here it can only become {' or '.join(to)}." if to else "It stays so."
    return f"The experiment {experiment.name!r} is {experiment.state}; it cannot become {state}. {allowed}"


WAKE_WAIT_S = 5.0


def wake_hosts(experiment: Experiment) -> None:
    """Let the hosts read the desired states now and not within a second. A host or a broker that is away is no error:
    the host reads them when it is back."""
    cameras = {place.camera.host: place.camera for place in experiment.places.all() if place.camera.removed_at is None}
    for camera in cameras.values():
        try:
            deadline_ms = control.check_reachable(camera) + int(WAKE_WAIT_S * 1000)
            control.send_command(camera, RECONCILE, Arguments(), wait_s=WAKE_WAIT_S, deadline_ms=deadline_ms)
        except (ControlError, BrokerDown) as error:
            log.info("the host of %s was not told of the experiment: %s", camera.slug, error)
