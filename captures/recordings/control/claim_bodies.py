"""Who wants a camera recorded, as JSON."""

from __future__ import annotations

from typing import Any

from cameras.models import Camera
from captures.recordings.claims.models import RecordingClaim
from captures.recordings.claims.services import is_suspended
from core.resources.answers import body_of
from core.resources.fields import Fields
from core.resources.values import Id
from core.times.moments import Stamp


class ExperimentName(Fields):
    id: Id
    name: str


class ClaimFacts(Fields):
    kind: str
    by: str
    since: Stamp
    experiment: ExperimentName | None


class ClaimBody(ClaimFacts):
    """One reason to record a camera. `experiment` is null for people's; `suspended`: an operator has stopped it."""

    suspended: bool


class ClaimsBody(Fields):
    """`desired` is the kind of clips that follows from the claims; null for none."""

    camera: str
    desired: str | None
    claims: list[ClaimBody]


def claims_body(camera: Camera) -> dict[str, Any]:
    """See `ClaimsBody`."""
    claims = RecordingClaim.objects.standing().filter(camera=camera)
    found = claims.select_related("experiment").prefetch_related("suspensions")
    listed = [{**body_of(ClaimFacts, claim), "suspended": is_suspended(claim)} for claim in found]
    return {"camera": camera.slug, "desired": camera.recording or None, "claims": listed}
