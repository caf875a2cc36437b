"""Who wants a camera recorded, as pages show it."""

from __future__ import annotations

from dataclasses import dataclass

from cameras.models import Camera
from captures.recordings.claims.models import OF_PEOPLE, ClaimSuspension, RecordingClaim
from core.text.names import person


@dataclass(frozen=True, slots=True)
class ClaimDisplay:
    """`suspension` is the operator's stop that is in force, if there is one."""

    claim: RecordingClaim
    suspension: ClaimSuspension | None

    @property
    def by(self) -> str:
        return person(self.claim.by)


@dataclass(frozen=True, slots=True)
class ClaimsDisplay:
    """Oldest first."""

    claims: list[ClaimDisplay]

    @property
    def is_worth_showing(self) -> bool:
        """A single request of a person is shown as the recording itself."""
        return len(self.claims) > 1 or any(one.claim.experiment for one in self.claims)

    @property
    def suspended(self) -> list[ClaimDisplay]:
        return [one for one in self.claims if one.suspension]

    @property
    def of_people(self) -> list[ClaimDisplay]:
        return [one for one in self.claims if one.claim.kind in OF_PEOPLE]


def claims_display(camera: Camera) -> ClaimsDisplay:
    claims = RecordingClaim.objects.standing().filter(camera=camera)
    found = claims.select_related("experiment").prefetch_related("suspensions")
    return ClaimsDisplay([ClaimDisplay(claim, _open_suspension(claim)) for claim in found])


def _open_suspension(claim: RecordingClaim) -> ClaimSuspension | None:
    return next((one for one in claim.suspensions.all() if one.to_at is None), None)
