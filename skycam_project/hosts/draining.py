"""Drain a host: what runs there ends at its next window, and nothing new starts. Nothing is moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from cameras.models import Camera, CameraHost
from cameras.spool.agenda import Agenda
from cameras.status import status
from cameras.supervision.desired_state import DesiredState
from captures.models import Session
from captures.sessions.desired import stop_session_at_its_window
from core import database_clock
from core.broker.broker import BrokerDown
from core.events.service import record_event
from core.jobs.models import Job
from core.jobs.states import JobState
from core.text.amounts import pluralize
from skycam_project.hosts.invitations import HostRefused


@transaction.atomic
def drain_host(name: str, actor: str) -> CameraHost:
    """A host that is drained already stays as it is. CameraHost.DoesNotExist; HostRefused for a retired one."""
    host = CameraHost.objects.select_for_update().get(pk=name)
    if host.retired_at is not None:
        raise HostRefused(f"The host {name} was retired on {host.retired_at:%Y-%m-%d}. There is nothing to drain.")
    if host.draining_since is None:
        host.draining_since, host.draining_by, host.drained_at = database_clock.read_now(), actor, None
        host.save(update_fields=["draining_since", "draining_by", "drained_at"])
        message = f"{actor or 'Someone'} drains the host {name}: nothing new starts there."
        record_event("host.draining", message, camera=None, actor=actor, subject=name)
        # Its Supervisor notes it otherwise; one without cameras reads no states, and one that is off runs nothing.
        note_if_drained(name)
        host.refresh_from_db()
    return host


@transaction.atomic
def undrain_host(name: str, actor: str) -> CameraHost:
    """Sessions that were stopped are not started again; recordings that were requested go on.
    CameraHost.DoesNotExist."""
    host = CameraHost.objects.select_for_update().get(pk=name)
    if host.draining_since is not None:
        host.draining_since, host.draining_by, host.drained_at = None, "", None
        host.save(update_fields=["draining_since", "draining_by", "drained_at"])
        message = f"{actor or 'Someone'} ended the draining of the host {name}."
        record_event("host.undrained", message, camera=None, actor=actor, subject=name)
    return host


def states_while_drained(
    host: str, cameras: Iterable[Camera], states: Mapping[str, DesiredState]
) -> dict[str, DesiredState]:
    """For the Supervisor of a host that is drained, each second: sessions end at their window, no run of a schedule
    begins, and a recording ends with the session of its camera."""
    for camera in cameras:
        stop_session_at_its_window(camera)
    note_if_drained(host)
    return {name: _state_while_drained(state) for name, state in states.items()}


def _state_while_drained(state: DesiredState) -> DesiredState:
    session = state.session["id"] if state.session else ""
    agenda = state.agenda
    if agenda is not None:
        agenda = Agenda(programmes=agenda["programmes"], runs=[run for run in agenda["runs"] if run["id"] == session])
    return replace(state, agenda=agenda, recording=state.recording if session else None)


def note_if_drained(host: str) -> None:
    """Record that nothing runs any more on a host that is drained."""
    drained = CameraHost.objects.filter(pk=host, draining_since__isnull=False, drained_at=None)
    if drained.exists() and not what_runs(host) and drained.update(drained_at=timezone.now()):
        record_event("host.drained", f"Nothing runs on the host {host} any more.", camera=None, subject=host)


def what_runs(host: str) -> list[str]:
    """What keeps the host from being drained, as `3 sessions`; empty when nothing runs."""
    sessions = Session.objects.active().filter(camera__host=host).count()
    jobs = Job.objects.filter(host=host, state=JobState.RUNNING.value).count()
    counts = (("session", sessions), ("recording", _recordings(host)), ("job", jobs))
    return [pluralize(count, noun) for noun, count in counts if count]


def _recordings(host: str) -> int:
    """How many cameras write a clip. One that is to record counts while its host, or the broker, is silent: a host that
    is cut off goes on recording."""
    desired = dict(Camera.objects.present().filter(host=host).values_list("slug", "recording"))
    try:
        seen = status.read_fields(desired, ["recording"])
    except BrokerDown:
        seen = {}
    return sum(bool(seen[slug]["recording"]) if slug in seen else bool(kind) for slug, kind in desired.items())
