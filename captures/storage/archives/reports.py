"""Events and alerts of archives, and the hosts that an archive waits for. Each event names the first camera of the
experiment, as its own events do: only users who may see that one read it. What may name files of any camera names all
of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db.models import Q

from cameras.models import CameraHost
from captures.experiments.selectors import cameras_of
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFileState
from core import database_clock
from core.broker import broker
from core.camera_refs import Cameras
from core.events.service import raise_alert, record_event, resolve_alert
from core.jobs.models import Job
from core.station_settings import archive_config
from core.text.sentences import pluralize


def report_event(archive: Archive, kind: str, text: str, severity: str = "info", *, actor: str = "") -> None:
    experiment = archive.experiment
    record_event(
        kind, f"The experiment {experiment.name!r} {text}", severity=severity, camera=cameras_of(experiment)[:1],
        subject=archive.pk, actor=actor, data={"experiment": str(experiment.pk)},
    )  # fmt: skip


def report_failure(archive: Archive, message: str) -> None:
    """Files cannot be copied now, as on a full disk. The jobs try again."""
    Archive.objects.filter(pk=archive.pk).update(message=message)
    text = f"The experiment {archive.experiment.name!r} cannot be archived: {message}"
    # It may name a file of any camera.
    _alert(archive, failure_key(archive), text, cameras_of(archive.experiment))


def resolve_failure(archive: Archive) -> None:
    """A file was copied: an earlier failure is over."""
    if archive.message:
        Archive.objects.filter(pk=archive.pk).exclude(message="").update(message="")
        archive.message = ""
        resolve_alert(failure_key(archive))


def report_end(archive: Archive) -> None:
    """The archive is complete, or lacks something."""
    resolve_alert(failure_key(archive))
    count = ArchiveFile.objects.filter(folder__archive=archive, state=ArchiveFileState.COPIED).count()
    if not archive.missing:
        report_event(archive, "archive.completed", f"is archived with {pluralize(count, 'file')}.")
        resolve_alert(incomplete_key(archive))
        return
    first = _first_missing(archive)
    text = f"is archived with {pluralize(count, 'file')}, but not whole: {first}"
    report_event(archive, "archive.incomplete", text, "warning")
    message = f"The archive of {archive.experiment.name!r} is not whole: {first} {_next_step(archive)}"
    _alert(archive, incomplete_key(archive), message, cameras_of(archive.experiment)[:1], "warning")


def _first_missing(archive: Archive) -> str:
    """For the event and the alert, which are shown to all who may see the first camera. The sentence may name any, but
    names none about a host that is away."""
    if _is_host_away(archive) or archive.experiment.places.count() == 1:
        return str(archive.missing[0])
    return f"{pluralize(len(archive.missing), 'part')} of it cannot be found. The page of the archive lists them."


def _is_host_away(archive: Archive) -> bool:
    """Whether it lacks something because a host is away: these sentences come first."""
    return any(archive.missing[0].startswith(away_sentence(folder.host)) for folder in archive.folders.all())


def _next_step(archive: Archive) -> str:
    if _is_host_away(archive):
        return "The archive goes on by itself once `skycam up` runs there."
    return "Restore what is missing, then archive it again."


def _alert(archive: Archive, key: str, message: str, cameras: Cameras, severity: str = "error") -> None:
    raise_alert(key, message, severity=severity, camera=cameras, data={"archive": str(archive.pk)})


def incomplete_key(archive: Archive) -> str:
    return f"archive.incomplete:{archive.pk}"


def failure_key(archive: Archive) -> str:
    return f"archive.failed:{archive.pk}"


RESTART_TIME = timedelta(minutes=1)
"""A host that only restarts is not away."""


def away_hosts(hosts: Iterable[str]) -> set[str]:
    """Those of `hosts` without a heartbeat in the broker that neither renewed their lease in the database nor worked on
    a job lately. None while the broker does not answer: then it is unknown. This host is there."""
    others = sorted(set(hosts) - {settings.STATION.host})
    try:
        with broker.reachable() as server:
            quiet = {host for host in others if not server.exists(broker.key("host", host))}
    except broker.BrokerDown:
        return set()
    now = database_clock.now()
    # A time further ahead is that of a clock which was set back since.
    lately = (now - max(timedelta(seconds=archive_config().wait_s), RESTART_TIME), now + RESTART_TIME)
    leased = CameraHost.objects.filter(name__in=quiet, leased_until__range=lately).values_list("name", flat=True)
    # The cameras part of a host may be down while its jobs part copies files.
    worked = Q(lease_until__range=lately) | Q(state__in=["done", "failed"], ended_at__range=lately)
    jobs = Job.objects.filter(worked, host__in=quiet).order_by().values_list("host", flat=True).distinct()
    return quiet - set(leased) - set(jobs)


def away_sentence(host: str, problem: str = "") -> str:
    """In the list of what an archive lacks. Without `problem`, how each sentence about this host begins."""
    return f"The host {host} is away: {problem}"
