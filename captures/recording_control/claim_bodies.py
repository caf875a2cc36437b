"""Who wants a camera recorded, as JSON."""

from __future__ import annotations

from typing import TypedDict

from cameras.models import Camera
from captures.recording_claims.models import RecordingClaim
from captures.recording_claims.services import is_suspended
from core.times.timestamps import stamp


class ExperimentName(TypedDict):
    id: str
    name: str


class ClaimBody(TypedDict):
    """One reason to record a camera. `experiment` is null for people's; `suspended`: an operator has stopped it."""

    kind: str
    by: str
    since: str
    experiment: ExperimentName | None
    suspended: bool


class ClaimsBody(TypedDict):
    """`desired` is the kind of clips that follows from the claims; null for none."""

    camera: str
    desired: str | None
    claims: list[ClaimBody]


def claims_body(camera: Camera) -> ClaimsBody:
    claims = RecordingClaim.objects.standing().filter(camera=camera)
    found = claims.select_related("experiment").prefetch_related("suspensions")
    return ClaimsBody(
        camera=camera.slug, desired=camera.recording or None, claims=[claim_body(claim) for claim in found]
    )


def claim_body(claim: RecordingClaim) -> ClaimBody:
    experiment = claim.experiment
    return ClaimBody(
        kind=claim.kind, by=claim.by, since=stamp(claim.since), suspended=is_suspended(claim),
        experiment=ExperimentName(id=str(experiment.pk), name=experiment.name) if experiment else None,
    )  # fmt: skip
