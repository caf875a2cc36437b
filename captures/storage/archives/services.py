"""Request archives, and move them on: from the request to complete, and again when a clip turns up later.

`advance` is idempotent and runs on each host every two seconds, and at the end of each job. What is to be done on a
disk is a job of the host with that disk.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from captures.experiments.coverage import coverage, video_places
from captures.experiments.models import Experiment, ExperimentCapture
from captures.experiments.selectors import cameras_of, check_sees_all
from captures.experiments.service import ExperimentService
from captures.experiments.states import ENDED, ExperimentState
from captures.recordings.claims.models import ExperimentClip
from captures.recordings.claims.services import HOLD as EXPERIMENT_HOLD
from captures.recordings.clips.models import ClipHold
from captures.roots.roots import UnusableRoot
from captures.sessions.models import Session
from captures.storage.archives import planning
from captures.storage.archives.copying import FAILPOINTS
from captures.storage.archives.manifest import make_manifest
from captures.storage.archives.models import (
    ARCHIVE_TRANSITIONS,
    Archive,
    ArchiveFile,
    ArchiveFileState,
    ArchiveFolder,
    ArchiveState,
)
from captures.storage.archives.planning import archive_root, folder_of, plan_files
from captures.storage.archives.reports import away_hosts, away_sentence, report_end, report_event, report_failure
from core import database_clock
from core.background import log_and_continue
from core.changes import read_again
from core.jobs.models import Job
from core.jobs.services import enqueue
from core.jobs.states import UNFINISHED
from core.station_settings import archive_config
from core.text.sentences import pluralize
from core.times.timestamps import stamp

KIND = "archive"
BATCH = 20
EXTENDED_FOR = timedelta(days=30)
"""How long after its completion an archive is searched for files that turned up."""
RETRY = timedelta(minutes=5)
"""How long after a job has failed, as on a full disk, another one is started."""
State = ArchiveState
FileState = ArchiveFileState


def request_archive(experiment: Experiment, method: str = "", actor: str = "", *, user: Any) -> Archive:
    """Archive the experiment, or what it has got since it was archived last. Returns at once: the jobs part of a host
    finds out within seconds which files it has, which may be tens of thousands, and jobs copy them.

    For one that still runs, the archive has what it has until now. Two requests at once are one. `user` is None for the
    station itself. UnusableRoot; PermissionDenied unless the user may see all cameras.
    """
    check_sees_all(user, experiment)
    config = archive_config()
    # Before the row: a request that cannot be met leaves nothing.
    for place in experiment.places.select_related("camera"):
        archive_root(place.camera.host)
    with transaction.atomic():
        archive, created = Archive.objects.get_or_create(
            experiment=experiment,
            defaults={
                "method": method or config.method, "folder": folder_of(experiment.pk, experiment.name),
                "requested_by": actor, "wait_until": database_clock.estimate() + timedelta(seconds=config.wait_s),
            },
        )  # fmt: skip
        is_begun = not created and _begin_again(archive, experiment)
        if is_begun:
            _try_again(archive)
        if created or is_begun:
            report_event(archive, "archive.requested", "is being archived.", actor=actor)
    return archive


def _begin_again(archive: Archive, experiment: Experiment) -> bool:
    """Whether it was begun. One that was made while its experiment ran waits for the last clips as a new one does."""
    if archive.completed_at and experiment.ended_at and archive.completed_at < experiment.ended_at:
        wait_until = database_clock.estimate() + timedelta(seconds=archive_config().wait_s)
        return move(archive, State.WAITING, message="", wait_until=wait_until)
    return move(archive, State.COPYING, message="")


def _try_again(archive: Archive) -> None:
    """Files that were never copied get another attempt: their source may have been restored since. And the manifest is
    made again: what it stated as missing may have turned up."""
    faulty = ArchiveFile.objects.filter(folder__archive=archive, copied_at=None)
    faulty.filter(state__in=[FileState.MISSING, FileState.DAMAGED]).update(state=FileState.PLANNED, message="")
    archive.folders.update(copied_at=None)


def archive_path(archive: Archive) -> str:
    """The folder of the archive on the host of the experiment's first camera. UnusableRoot."""
    place = archive.experiment.places.select_related("camera").first()
    assert place is not None
    # The root of new archives may be another one by now.
    folder = archive.folders.filter(host=place.camera.host).select_related("root").first()
    root = folder.root if folder else archive_root(place.camera.host)
    return f"{root.path}/{archive.folder}"


def move(archive: Archive, state: ArchiveState, **values: Any) -> bool:
    """Whether the row was moved; in the caller's transaction."""
    sources = [source for source, targets in ARCHIVE_TRANSITIONS.items() if state in targets]
    moved = Archive.objects.filter(pk=archive.pk, state__in=sources).update(state=state, **values)
    if moved:
        archive.refresh_from_db()
    return bool(moved)


def advance_all() -> None:
    """Begin the archives that are due, and move on those that are in progress."""
    request_due()
    read_again(Archive.objects.filter(state__in=[State.WAITING, State.COPYING]).exists)
    for archive in Archive.objects.filter(state__in=[State.WAITING, State.COPYING]).select_related("experiment"):
        with log_and_continue("archives"):
            advance(archive)


def request_due() -> None:
    """Archives of completed experiments, also of those that were archived while they ran."""
    if not archive_config().on_completion:
        return
    while_it_ran = Q(archive__state=State.INCOMPLETE, archive__completed_at__lt=F("ended_at"))
    completed = Experiment.objects.filter(state=ExperimentState.COMPLETED, settled=True)
    for experiment in completed.filter(Q(archive=None) | while_it_ran)[:BATCH]:
        with log_and_continue("archives"):
            request_archive(experiment, actor="station", user=None)


def extend_archives() -> None:
    """Files that turned up after an archive was made, such as a clip that was recovered later, are copied into it. Not
    while the experiment runs: each of its clips would be one. Archives that did not wait for this host go on."""
    for archive in Archive.objects.filter(state=State.INCOMPLETE, folders__host=settings.STATION.host):
        resume(archive)
    clips = ExperimentClip.objects.filter(experiment=OuterRef("pk"), clip__deleted_at=None)
    clips = clips.exclude(clip__archive_files__folder__archive__experiment=OuterRef("pk"))
    captures = ExperimentCapture.objects.filter(experiment=OuterRef("pk"), capture__files__isnull=False)
    captures = captures.filter(capture__trashed_at=None).exclude(
        capture__files__archive_files__folder__archive__experiment=OuterRef("pk")
    )
    ended = Archive.objects.filter(
        state__in=[State.COMPLETE, State.INCOMPLETE], completed_at__gte=timezone.now() - EXTENDED_FOR
    )
    late = Experiment.objects.filter(Exists(clips) | Exists(captures), archive__in=ended, settled=True)
    for archive in ended.filter(experiment__in=late).select_related("experiment"):
        with transaction.atomic():
            if move(archive, State.COPYING):
                report_event(archive, "archive.extended", "gets files that turned up after it was archived.")


def resume(archive: Archive) -> None:
    """Go on with an archive that is incomplete because this host was away."""
    host = settings.STATION.host
    archive.refresh_from_db()
    if archive.state != State.INCOMPLETE or not any(one.startswith(away_sentence(host)) for one in archive.missing):
        return
    with transaction.atomic():
        # A new deadline: until it is over, no other host calls this one away.
        wait_until = database_clock.estimate() + timedelta(seconds=archive_config().wait_s)
        if move(archive, State.COPYING, message="", wait_until=wait_until):
            report_event(archive, "archive.extended", f"gets the files of the host {host}, which was away.")


def restate(archive: Archive) -> None:
    """Make the manifest again if files that it states as missing or damaged are whole now, such as mended ones."""
    archive.refresh_from_db()
    if not archive.manifest:
        return
    stated = {(file["host"], file["path"]) for file in archive.content["files"] if file["state"] != FileState.COPIED}
    copied = ArchiveFile.objects.filter(folder__archive=archive, state=FileState.COPIED)
    if not stated or stated.isdisjoint(copied.values_list("folder__host", "path")):
        return
    with transaction.atomic():
        if move(archive, State.COPYING):
            archive.folders.update(copied_at=None)
            report_event(archive, "archive.extended", "has files again that its archive stated as missing or damaged.")


def advance(archive: Archive) -> None:
    """Do what is due in the archive's state."""
    if archive.state == State.WAITING and _is_ready(archive):
        with transaction.atomic():
            move(archive, State.COPYING)
    if archive.state == State.COPYING:
        try:
            _plan(archive)
        except UnusableRoot as error:
            # Such as that of a host that was named as `gather_host` and does not exist.
            if archive.message != str(error):
                report_failure(archive, str(error))
            return
        absent = absent_hosts(archive)
        if not _finish(archive, absent):
            # With the manifest that may just have been made.
            archive.refresh_from_db()
            _start_jobs(archive, absent)


def _is_ready(archive: Archive) -> bool:
    """Whether all clips of the run have rows, or the time to wait for them is over."""
    experiment = Experiment.objects.get(pk=archive.experiment_id)
    if experiment.state not in ENDED or experiment.started_at is None:
        return True
    if _is_deadline_over(archive):
        return True
    own = Session.objects.active().filter(experiment_links__experiment=experiment, experiment_links__own=True)
    if not experiment.settled or own.exists():
        return False
    # A gap may be a clip that a kill left in a spool. One whose reason was observed is none.
    found = [coverage(experiment, place.camera_id) for place in video_places(experiment)]
    return not any(one.pending_s or any(gap.reason == "no_video" for gap in one.gaps) for one in found)


def _is_deadline_over(archive: Archive) -> bool:
    # A deadline that is further away than any is that of a clock which was set back since.
    latest = database_clock.estimate() + timedelta(seconds=archive_config().wait_s)
    if Archive.objects.filter(pk=archive.pk, wait_until__gt=latest).update(wait_until=latest):
        archive.wait_until = latest
    return database_clock.estimate() >= archive.wait_until


def absent_hosts(archive: Archive) -> set[str]:
    """The hosts that are away and that the archive does not wait for any longer."""
    hosts = set(archive.folders.values_list("host", flat=True))
    if hosts <= {settings.STATION.host} or not _is_deadline_over(archive):
        return set()
    return away_hosts(hosts)


def _plan(archive: Archive) -> None:
    with transaction.atomic():
        locked = Archive.objects.select_for_update().select_related("experiment").get(pk=archive.pk)
        if locked.state == State.COPYING and plan_files(locked):
            locked.folders.update(copied_at=None)
    FAILPOINTS.hit("after_archive_planned")


def files_left(archive: Archive, absent: Collection[str] = ()) -> QuerySet[ArchiveFile]:
    """The files without an outcome, except those that cannot be copied while the `absent` hosts are away."""
    files = ArchiveFile.objects.filter(folder__archive=archive, state=FileState.PLANNED)
    return files.exclude(Q(folder__host__in=absent) | Q(gathered_from__folder__host__in=absent)) if absent else files


def _finish(archive: Archive, absent: set[str]) -> bool:
    """Make the manifest once all files have their outcome, those of `absent` hosts excepted; complete the archive once
    each other host has written it. Whether it is complete or incomplete now."""
    with transaction.atomic():
        locked = Archive.objects.select_for_update().select_related("experiment").get(pk=archive.pk)
        if locked.state != State.COPYING or files_left(locked, absent).exists():
            return False
        if not locked.manifest or _has_changed(locked, absent):
            _make_manifest(locked, absent)
        if locked.folders.exclude(host__in=absent).exclude(revision=locked.revision).exists():
            return False
        end = State.INCOMPLETE if locked.missing else State.COMPLETE
        move(locked, end, completed_at=timezone.now(), message="")
        if files_left(locked).exists():
            # No verification has read these files.
            Archive.objects.filter(pk=locked.pk, verification="whole").update(verification="", verified_at=None)
        if locked.experiment.state != ExperimentState.RUNNING:
            _release(locked)
        report_end(locked)
        if locked.experiment.state in {ExperimentState.COMPLETED, ExperimentState.ABORTED} and not locked.missing:
            ExperimentService(None, "").move(locked.experiment, ExperimentState.ARCHIVED)
    archive.refresh_from_db()
    return True


def _has_changed(archive: Archive, absent: set[str]) -> bool:
    """Whether files were copied since the manifest was made, or it does not state which hosts are away."""
    if _folders_copied_since(archive).exists():
        return True
    begins = tuple(away_sentence(folder.host) for folder in archive.folders.all())
    return [one for one in archive.missing if one.startswith(begins)] != _absences(archive, absent)


def _folders_copied_since(archive: Archive) -> QuerySet[ArchiveFolder]:
    """Since the manifest was made. One with files that are not copied yet is none of them."""
    left = ArchiveFile.objects.filter(folder=OuterRef("pk"), state=FileState.PLANNED)
    return archive.folders.filter(~Exists(left), copied_at=None)


def _make_manifest(archive: Archive, absent: set[str]) -> None:
    now = timezone.now()
    _folders_copied_since(archive).update(copied_at=now)
    # Before what is missing: a host that is away does not have this one.
    archive.revision += 1
    archive.missing = _absences(archive, absent) + _missing(archive)
    archive.manifest = make_manifest(archive, archive.revision, stamp(now))
    archive.save(update_fields=["missing", "revision", "manifest"])
    FAILPOINTS.hit("after_manifest_made")


def _absences(archive: Archive, absent: set[str]) -> list[str]:
    """What the archive lacks because these hosts are away. Names no files, so that alerts can show it."""
    found = []
    for folder in archive.folders.filter(host__in=absent):
        gathered = files_left(archive).filter(gathered_from__folder=folder).exclude(folder__host__in=absent)
        # Those without an outcome on their own host are counted there.
        gathered = gathered.exclude(gathered_from__state=FileState.PLANNED)
        count = files_left(archive).filter(folder=folder).count() + gathered.count()
        if count:
            verb = "is" if count == 1 else "are"
            found.append(away_sentence(folder.host, f"{pluralize(count, 'file')} {verb} not copied yet."))
        elif folder.revision != archive.revision:
            found.append(away_sentence(folder.host, "it does not have the newest manifest yet."))
    return found


def _missing(archive: Archive) -> list[str]:
    """What the archive should have and has not, besides what is on hosts that are away."""
    faulty = ArchiveFile.objects.filter(folder__archive=archive, state__in=[FileState.MISSING, FileState.DAMAGED])
    found = [f"{file.path}: {file.message}" for file in faulty[:1000]]
    experiment = archive.experiment
    if experiment.state == ExperimentState.RUNNING:
        found.append("The experiment still runs: its newest clips are missing.")
    elif experiment.started_at is not None:
        for place in video_places(experiment).select_related("camera"):
            one = coverage(experiment, place.camera_id)
            if one.pending_s:
                found.append(f"{place.camera.slug}: the last clips of the run have not been saved yet.")
    return found


def _release(archive: Archive) -> None:
    """Sources whose copies are proven need not be held any more, neither by the archive nor by the experiment."""
    copied = ArchiveFile.objects.filter(folder__archive=archive, state=FileState.COPIED).exclude(clip=None)
    mine = Q(by=planning.HOLD, name=str(archive.pk)) | Q(by=EXPERIMENT_HOLD, name=str(archive.experiment_id))
    # One that another host is still to fetch is not released either.
    left = files_left(archive).exclude(clip=None)
    ClipHold.objects.filter(mine, clip__in=copied.values("clip")).exclude(clip__in=left.values("clip")).delete()


def _start_jobs(archive: Archive, absent: set[str]) -> None:
    """A job for each host that has something to do."""
    now = timezone.now()
    for folder in archive.folders.all():
        if not _has_work(archive, folder, absent):
            continue
        jobs = Job.objects.filter(kind=KIND, host=folder.host, subject=str(archive.pk))
        if jobs.filter(state__in=[state.value for state in UNFINISHED]).exists():
            continue
        if jobs.filter(state__in=["failed", "cancelled"], ended_at__range=(now - RETRY, now)).exists():
            continue
        enqueue_for(archive, KIND, folder.host, "station")


def enqueue_for(archive: Archive, kind: str, host: str, actor: str) -> Job:
    """A job for the archive on the host; one that runs already is joined."""
    job, _ = enqueue(
        kind, host, camera=cameras_of(archive.experiment), subject=str(archive.pk),
        arguments={"archive": str(archive.pk)}, actor=actor,
    )  # fmt: skip
    return job


def _has_work(archive: Archive, folder: ArchiveFolder, absent: set[str]) -> bool:
    planned = files_left(archive, absent).filter(folder=folder)
    # A file of another host is fetched once it has its outcome there.
    if planned.exclude(gathered_from__state=FileState.PLANNED).exists():
        return True
    return bool(archive.manifest) and folder.revision != archive.revision and not planned.exists()
