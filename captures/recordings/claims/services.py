"""Add and end claims, and find the clips that belong to them. Each function that changes claims expects the camera's
row locked in the caller's transaction, and stores in that row what follows from the claims: its desired recording."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from cameras.models import Camera
from cameras.spool.moments import Moment
from cameras.spool.spool import boot_id
from captures.recordings.claims.models import (
    OF_PEOPLE,
    ClaimKind,
    ClaimSuspension,
    ExperimentClip,
    RecordingClaim,
    as_moment,
)
from captures.recordings.clips.models import Clip, ClipHold

HOLD = "experiment"
"""`by` of the holds of experiments."""


def standing_claims(camera: Camera) -> list[RecordingClaim]:
    """Oldest first."""
    return list(RecordingClaim.objects.standing().filter(camera=camera))


def people_kind(camera: Camera) -> str:
    """The kind of clips that people requested, from the row as it was read; empty if only experiments record."""
    if not camera.recording_experiments:
        return camera.recording
    kinds = {claim.kind for claim in standing_claims(camera)}
    return next((kind for kind in (ClaimKind.MANUAL, ClaimKind.ROLLING) if kind in kinds), "")


def claim_for_person(camera: Camera, kind: str, by: str) -> bool:
    """Whether anything changed. Rolling clips replace manual ones, as the request names the kind; under manual clips a
    rolling claim stays, and goes on when the manual one ends."""
    ended = _end(camera, [ClaimKind.MANUAL]) if kind == ClaimKind.ROLLING else 0
    _, created = RecordingClaim.objects.standing().get_or_create(camera=camera, kind=kind, defaults=_begin(by))
    store_desired_recording(camera)
    return bool(ended or created)


def end_claims_of_people(camera: Camera, kinds: Iterable[str] = OF_PEOPLE) -> bool:
    """Whether a claim ended."""
    ended = _end(camera, kinds)
    # Also without one: what the row says must follow from the claims.
    store_desired_recording(camera)
    return bool(ended)


def claim_for_experiment(camera: Camera, experiment: UUID, by: str, pre_roll_s: float) -> bool:
    """Record for the experiment, and hold the clips of its pre-roll. False if its claim stands already."""
    claim, created = RecordingClaim.objects.standing().get_or_create(
        camera=camera, kind=ClaimKind.EXPERIMENT, experiment_id=experiment, defaults=_begin(by, pre_roll_s)
    )
    if created:
        store_desired_recording(camera)
        hold_clips(clips_since(camera.pk, claim.begin), experiment)
    return created


def end_claim_of_experiment(camera: Camera, experiment: UUID, reason: str = "") -> bool:
    """End the experiment's recording of the camera. False if it has ended already."""
    claim = RecordingClaim.objects.standing().filter(camera=camera, experiment=experiment).first()
    if claim is None:
        return False
    now = present_moment()
    _end_suspensions([claim])
    RecordingClaim.objects.filter(pk=claim.pk).update(
        ended_at=timezone.now(), ended_boot=now.boot, ended_boot_s=now.boot_s, reason=reason
    )
    store_desired_recording(camera)
    return True


def suspend_experiments(camera: Camera, by: str) -> list[RecordingClaim]:
    """Stop the recording of the camera for all experiments until `resume_experiments`. Returns the claims that were not
    suspended before."""
    found = [claim for claim in experiment_claims(camera) if not is_suspended(claim)]
    now = present_moment()
    ClaimSuspension.objects.bulk_create(
        [ClaimSuspension(claim=claim, by=by, boot=now.boot, from_boot_s=now.boot_s) for claim in found]
    )
    store_desired_recording(camera)
    return found


def resume_experiments(camera: Camera, by: str) -> list[RecordingClaim]:
    """Returns the claims that were suspended."""
    found = [claim for claim in experiment_claims(camera) if is_suspended(claim)]
    _end_suspensions(found, by)
    store_desired_recording(camera)
    return found


def experiment_claims(camera: Camera) -> list[RecordingClaim]:
    """The standing claims of experiments, with their experiment and suspensions."""
    claims = RecordingClaim.objects.standing().of_experiments().filter(camera=camera)
    return list(claims.select_related("experiment").prefetch_related("suspensions"))


def is_suspended(claim: RecordingClaim) -> bool:
    """From the suspensions as they were read."""
    return any(one.to_at is None for one in claim.suspensions.all())


def hold_clips(clips: Iterable[UUID], experiment: UUID) -> None:
    """These clips belong to the experiment and are held for it, in the caller's transaction. Those that are being
    deleted are left out."""
    wanted = list(clips)
    # Locked first: a concurrent deletion sees the hold, or the hold sees the deletion.
    present = list(Clip.objects.present().select_for_update().filter(pk__in=wanted).values_list("pk", flat=True))
    links = [ExperimentClip(clip_id=clip, experiment_id=experiment) for clip in present]
    ExperimentClip.objects.bulk_create(links, ignore_conflicts=True)
    holds = [ClipHold(clip_id=clip, by=HOLD, name=str(experiment)) for clip in present]
    ClipHold.objects.bulk_create(holds, ignore_conflicts=True)


def store_desired_recording(camera: Camera) -> None:
    """Derive the columns of the camera from its claims. Its experiments also are those that record nothing by
    themselves: a recording for others then begins a new clip with their run, and at its end."""
    suspended = ClaimSuspension.objects.filter(to_at=None, claim__camera=camera).values("claim")
    claims = list(RecordingClaim.objects.standing().filter(camera=camera).exclude(pk__in=suspended))
    of_kind = {claim.kind: claim for claim in reversed(claims)}
    # The claim that decides the kind also names who records.
    deciding = of_kind.get(ClaimKind.MANUAL) or of_kind.get(ClaimKind.ROLLING) or of_kind.get(ClaimKind.EXPERIMENT)
    if deciding is None:
        camera.recording = ""
    else:
        camera.recording = ClaimKind.MANUAL if deciding.kind == ClaimKind.MANUAL else ClaimKind.ROLLING
    camera.recording_by = deciding.by if deciding else ""
    names = {str(claim.experiment_id) for claim in claims if claim.experiment_id}
    if deciding is not None:
        begun = camera.experiment_places.filter(experiment__record=False, experiment__settled=False)
        begun = begun.exclude(experiment__started_at=None)
        names |= {str(experiment) for experiment in begun.values_list("experiment", flat=True)}
    camera.recording_experiments = sorted(names)
    camera.save(update_fields=["recording", "recording_by", "recording_experiments"])


def _begin(by: str, pre_roll_s: float = 0.0) -> dict[str, object]:
    now, since = present_moment().earlier(pre_roll_s), timezone.now()
    return {
        "by": by, "since": since, "held_from": since - timedelta(seconds=pre_roll_s), "boot": now.boot,
        "held_from_boot_s": now.boot_s,
    }  # fmt: skip


def _end_suspensions(claims: Iterable[RecordingClaim], by: str = "") -> None:
    now = present_moment()
    ClaimSuspension.objects.filter(claim__in=list(claims), to_at=None).update(
        to_at=timezone.now(), ended_by=by, ended_boot=now.boot, ended_boot_s=now.boot_s
    )


def _end(camera: Camera, kinds: Iterable[str]) -> int:
    now = present_moment()
    claims = RecordingClaim.objects.standing().filter(camera=camera, kind__in=list(kinds))
    return claims.update(ended_at=timezone.now(), ended_boot=now.boot, ended_boot_s=now.boot_s)


CLOCK_SLACK = timedelta(days=2)
"""How far a wall clock may be off for a search by wall times to find a row. A row of the same boot is always found."""


def present_moment() -> Moment:
    """Now, on this machine."""
    return Moment(time.time(), boot_id(), time.clock_gettime(time.CLOCK_BOOTTIME))


def clip_moments(clip: Clip) -> tuple[Moment, Moment]:
    """When the clip begins and ends. Its length was measured by the monotonic clock."""
    begin = as_moment(clip.started_at.timestamp(), clip.boot, clip.boot_s)
    return begin, begin.earlier(-clip.duration.total_seconds())


def shows(clip: Clip, begin: Moment, end: Moment | None) -> bool:
    """Whether the clip shows a part of this time; None is a time that has not ended."""
    first, last = clip_moments(clip)
    return (end is None or first.seconds_until(end) > 0) and begin.seconds_until(last) > 0


def experiments_of(clip: Clip) -> set[UUID]:
    """The experiments that record, and of whose time, the pre-roll included, the clip shows a part."""
    near = Q(ended_at=None) | Q(ended_at__gte=clip.started_at - CLOCK_SLACK, held_from__lte=clip.ended_at + CLOCK_SLACK)
    if clip.boot:
        near |= Q(boot=clip.boot) | Q(ended_boot=clip.boot)
    claims = RecordingClaim.objects.of_experiments().filter(near, camera=clip.camera_id)
    return {one.experiment_id for one in claims if one.experiment_id and shows(clip, one.begin, one.end)}


def clips_since(camera: UUID, begin: Moment) -> Iterator[UUID]:
    """The clips with a row that show a part of the time from `begin`, not long ago, until now."""
    clips = Clip.objects.present().filter(camera=camera)
    # Clips of a camera do not overlap: by the boot clock, the first one that ended too early is the last to look at.
    of_this_boot = clips.filter(boot=begin.boot).order_by("-boot_s")
    found = takewhile(lambda clip: shows(clip, begin, None), of_this_boot.iterator(chunk_size=20))
    yield from (clip.pk for clip in found)
    others = clips.exclude(boot=begin.boot).filter(ended_at__gt=datetime.fromtimestamp(begin.wall, UTC))
    yield from (clip.pk for clip in others if shows(clip, begin, None))
