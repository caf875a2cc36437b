"""Which list a telescope observes each night, and the start of its nights without a person, an hour before sunset:
from then on the process of the camera has the session, and needs the station no more."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from cameras.commands.control import check_reachable
from cameras.errors import UNREACHED
from cameras.models import Camera
from cameras.selectors import check_sees
from captures.sessions.models import Session
from core.camera_refs import Cameras
from core.events.selectors import unresolved_keys
from core.events.service import raise_alert, record_event, resolve_alert
from core.text.sentences import beside_camera, join_sentences, sentence
from scheduler.telescope.field_lists.models import FieldList, NightlyStart
from scheduler.telescope.field_lists.night_start import checked_night_start, coming_evening, last_evening, start_night
from scheduler.telescope.field_lists.nights import night_at, site_of_camera
from scheduler.telescope.field_lists.observers import check_may_change
from scheduler.telescope.field_lists.resource import NightOptions, ObserveRequest
from scheduler.telescope.night.sky import time_of


def set_nightly_start(
    found: FieldList, camera: Camera, request: NightOptions, *, user: Any, actor: str, now: datetime
) -> NightlyStart:
    """The nights of the list are started on the camera from the present one on. ValidationError for what a request to
    observe would be refused for, for a camera that observes another list each night, and what `check_may_change`
    raises."""
    check_sees(user, camera)
    check_may_change(found, user)
    checked_night_start(found, camera, ObserveRequest(**request.model_dump()), now)
    options = request.model_dump(exclude={"camera"})
    with transaction.atomic():
        FieldList.objects.select_for_update().get(pk=found.pk)
        present = NightlyStart.objects.filter(field_list=found).first()
        if present and (present.camera_id, present.options) == (camera.pk, options):
            return present
        NightlyStart.objects.filter(field_list=found).delete()
        # The database decides about the camera: a query could not exclude a second request of the same moment.
        try:
            with transaction.atomic():
                new = NightlyStart.objects.create(
                    field_list=found, camera=camera, options=options, created_by=actor,
                    started=present.started if present and present.camera_id == camera.pk else None,
                    accounted=last_evening(site_of_camera(camera), now),
                )  # fmt: skip
        except IntegrityError:
            other = FieldList.objects.filter(nightly_start__camera=camera).first()
            message = sentence(
                "{camera} observes the list {other!r} each night. End that first.", camera=camera, other=str(other)
            )
            raise ValidationError({"camera": message}) from None
        did = sentence("has the list {name!r} observed each night by {camera}.", name=found.name, camera=camera)
        record_change(found, actor, did, camera)
    return new


def end_nightly_start(found: FieldList, *, user: Any, actor: str) -> None:
    """No further night is started; one that runs goes on. Nothing happens if none would be. What `check_may_change`
    raises."""
    check_may_change(found, user)
    with transaction.atomic():
        present = NightlyStart.objects.filter(field_list=found).select_related("camera").first()
        if present is not None:
            present.delete()
            did = f"has ended that the list {found.name!r} is observed each night."
            record_change(found, actor, did, present.camera)


def end_for_removed_cameras() -> None:
    """Each with an event."""
    for nightly in NightlyStart.objects.exclude(camera__removed_at=None).select_related("camera", "field_list"):
        with transaction.atomic():
            nightly.delete()
            message = sentence(
                "{camera} was removed, and observes the list {name!r} each night no longer.",
                camera=nightly.camera, name=nightly.field_list.name,
            )  # fmt: skip
            record_event("telescope.list_changed", message, camera=nightly.camera, subject=nightly.field_list_id)


def record_change(found: FieldList, actor: str, did: str, camera: Cameras) -> None:
    message = join_sentences([actor or "Someone", did])
    record_event("telescope.list_changed", message, camera=camera, actor=actor, subject=found.pk)


LEAD = timedelta(hours=1)
"""Before sunset."""
RETRY = timedelta(minutes=5)
ALERT = "telescope.not_started:"
MESSAGE_DUE = "It should be within a minute; if it is not, look at the parts jobs and beat with `skycam ps`."


def start_due_nights(now: datetime | None = None) -> None:
    """Start each night that is due, and raise an alert for each that cannot be started, until it is, or is over."""
    now = now or timezone.now()
    end_for_removed_cameras()
    problems: dict[str, NightlyStart] = {}
    for nightly in NightlyStart.objects.select_related("camera", "field_list"):
        start_if_due(nightly, now)
        if nightly.problem:
            problems[f"{ALERT}{nightly.camera.slug}"] = nightly
    for key, nightly in sorted(problems.items()):
        message = sentence(
            "The night of {name} is not started on {camera}. {why}",
            name=nightly.field_list.name, camera=nightly.camera, why=nightly.problem,
        )  # fmt: skip
        raise_alert(key, message, severity="error", camera=nightly.camera)
    for key in sorted(unresolved_keys(ALERT) - problems.keys()):
        resolve_alert(key)


def start_if_due(nightly: NightlyStart, now: datetime) -> None:
    """`nightly.problem` says why the night that is due is not started; it is empty for one that is."""
    try:
        evening = due_evening(nightly.camera, now)
    except ValidationError as error:
        store(nightly, problem=join_sentences(error.messages))
        return
    if evening is None or evening == nightly.started:
        store(nightly, problem="")
    # Also after a clock that was ahead.
    elif nightly.tried_at is None or abs(now - nightly.tried_at) >= RETRY:
        try_start(nightly, evening, now)


def due_evening(camera: Camera, now: datetime) -> date | None:
    """None between sunrise and LEAD before sunset, and while the Sun does not set. ValidationError for a camera whose
    host has no coordinates."""
    site = site_of_camera(camera)
    evening = coming_evening(site, now)
    night = night_at(site, evening)
    return evening if night.sunset < night.sunrise and now >= time_of(night.sunset) - LEAD else None


def problem_of(nightly: NightlyStart, now: datetime) -> str:
    """Why the night that is due is not started; empty for one that is, and before it is due."""
    try:
        is_due = due_evening(nightly.camera, now) not in (None, nightly.started)
    except ValidationError as error:
        return " ".join(error.messages)
    return (nightly.problem or MESSAGE_DUE) if is_due else ""


def try_start(nightly: NightlyStart, evening: date, now: datetime) -> None:
    # Of two tasks that find it due, one starts it.
    untried = NightlyStart.objects.filter(pk=nightly.pk, tried_at=nightly.tried_at)
    if not untried.update(tried_at=now):
        return
    try:
        if not is_running(nightly.camera, evening):
            check_ready(nightly.camera)
            request = ObserveRequest(camera=nightly.camera.slug, evening=evening, **nightly.options)
            start_night(nightly.field_list, nightly.camera, request, user=None, actor=nightly.created_by, now=now)
    except ValidationError as error:
        store(nightly, problem=join_sentences(error.messages))
    # ValueError: what an older version stored.
    except (*UNREACHED, ValueError) as error:
        store(nightly, problem=str(error))
    else:
        store(nightly, problem="", started=evening)


def is_running(camera: Camera, evening: date) -> bool:
    """Whether a person has started the night already."""
    active = Session.objects.active().filter(camera=camera, programme__telescope__evening=evening.isoformat())
    return active.exclude(desired=Session.Desired.STOPPED).exists()


def check_ready(camera: Camera) -> None:
    """ValidationError, or what `check_reachable` raises: a start that cannot be sent would store a failed session."""
    if not camera.enabled:
        raise ValidationError("The camera is disabled: enable it.")
    if not camera.connected:
        raise ValidationError("The camera is disconnected: connect it.")
    check_reachable(camera)


def store(nightly: NightlyStart, problem: str, started: date | None = None) -> None:
    """Unless it is stored already."""
    problem = beside_camera(problem, nightly.camera)[:1000]
    values = {"problem": problem, "started": started or nightly.started}
    if any(getattr(nightly, name) != value for name, value in values.items()):
        NightlyStart.objects.filter(pk=nightly.pk).update(**values)
    nightly.problem = problem
