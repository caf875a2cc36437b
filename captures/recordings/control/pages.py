"""Pages that start and stop a recording, and who wants it as pages show it."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url

from cameras.camera_view import CameraPage, refusal
from cameras.leases import LeaseHeld
from cameras.models import Camera
from captures.recordings.claims.models import OF_PEOPLE, ClaimSuspension, RecordingClaim
from captures.recordings.control.commands import (
    Experiments,
    RecordingBody,
    RecordingClaimed,
    RecordingDeferred,
    record,
    stop_recording,
)
from core.pages import is_htmx_request, message_response
from core.text.names import person


class RecordPage(CameraPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Start recording and show the outcome."""
        camera = self.camera()
        try:
            record(camera, request.POST.get("kind", ""), self.actor)
        except (LeaseHeld, ValidationError) as error:
            return message_response(request, "bad", refusal(error, camera))
        except RecordingDeferred as error:
            return message_response(request, "warn", refusal(error, camera))
        return message_response(request, "ok", "Recording.")


class StopRecordingPage(CameraPage):
    """While experiments record the camera, a stop is a question: what happens to them."""

    roles = {"POST": "operator"}
    template = "cameras/stop_recording.html"

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Stop recording; the last clip is finalized by then."""
        camera, experiments = self.camera(), CHOICES.get(request.POST.get("experiments", ""), "ask")
        try:
            stopped = stop_recording(camera, self.actor, experiments=experiments)
        except RecordingClaimed as error:
            return self._ask_first(camera, error)
        except LeaseHeld as error:
            return message_response(request, "bad", refusal(error, camera))
        except RecordingDeferred as error:
            return message_response(request, "warn", refusal(error, camera))
        return message_response(request, "ok", outcome_of(camera, stopped, experiments))

    def _ask_first(self, camera: Camera, error: RecordingClaimed) -> HttpResponse:
        context = {
            "camera": camera,
            "experiments": error.experiments,
            "by_people": claims_display(camera).of_people,
            # The answer is sent from a page that knows no GET.
            "next": self.request.headers.get("Referer") or resolve_url("camera", camera.slug),
        }
        if not is_htmx_request(self.request):
            return self.render(context)
        answer = self.render(context, "cameras/_stop_question.html")
        # The button targets the message on the camera's card, where a question has no room.
        answer.headers["HX-Retarget"] = "#dialog-body"
        answer.headers["HX-Reswap"] = "innerHTML"
        return answer


CHOICES: dict[str, Experiments] = {"keep": "keep", "suspend": "suspend"}


def outcome_of(camera: Camera, stopped: RecordingBody, experiments: Experiments) -> str:
    if stopped["desired"]:
        return f"{camera.name} is recorded on for its experiments. The recording by people has ended."
    gap = " The experiments show a gap until somebody records the camera." if experiments == "suspend" else ""
    return f"Recording stopped. The last clip is saved.{gap}"


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
