"""The buttons that connect and disconnect a camera, and those that take, keep and release it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from cameras import leases
from cameras.camera_display import STATE_DISPLAYS
from cameras.camera_view import CameraPage, refusal
from cameras.connection import connect
from cameras.errors import UNREACHED
from cameras.leases import LeaseHeld, holder_of, lease_of
from cameras.models import Camera
from core.pages import is_htmx_request, message_response, redirect_back


class ConnectPage(CameraPage):
    roles = {"POST": "operator"}
    connected = True

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Set whether the camera should be connected, and show the result."""
        camera = self.camera()
        try:
            observed = connect(camera, self.connected, self.actor)["observed"]
        except UNREACHED as error:
            return message_response(request, "bad", refusal(error, camera))
        return message_response(request, "ok", f"{camera.name}: {STATE_DISPLAYS[observed].label.lower()}.")


def acquire_from_form(request: HttpRequest, camera: Camera, actor: str) -> Camera:
    """Acquire the lease; take it over only from the holder whom the form's `over` names, because that is whom the user
    confirmed. LeaseHeld."""
    seen = request.POST.get("over", "")
    # The holder that the page showed may have lost the camera to a third user, whom this user has not confirmed.
    return leases.acquire_lease(camera, actor, over=bool(seen), seen=seen)


class AcquireLeasePage(CameraPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Take the camera; take it over where the form says so."""
        camera = self.camera()
        try:
            acquire_from_form(request, camera, self.actor)
        except LeaseHeld as error:
            return message_response(request, "bad", refusal(error, camera))
        return message_response(request, "ok", f"You hold {camera.name}.", holder=self.actor)


class RenewLeasePage(CameraPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        """Renew this user's lease. A lease that was lost is not acquired again."""
        if leases.renew_lease(self.camera(), self.actor):
            return HttpResponse(status=204) if is_htmx_request(request) else redirect_back(request)
        # Read again: the row above is older than the renewal that found no lease.
        camera = self.camera()
        lease = lease_of(camera)
        who = f"{lease.holder.held_by} took it over" if lease else "It was released, or not renewed in time"
        return message_response(request, "warn", f"You no longer hold {camera.name}. {who}.")


class ReleaseLeasePage(CameraPage):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, slug: str) -> HttpResponse:
        camera = self.camera()
        try:
            other = holder_of(leases.release_lease(camera, self.actor))
        except LeaseHeld as error:
            return message_response(request, "bad", refusal(error, camera))
        session = "" if other is None else other.label if other.schedule else f"The session of {other.held_by}"
        left = f"{session} holds it now" if other else "No one holds it now"
        holder = other.held_by if other else ""
        return message_response(request, "ok", f"You have released {camera.name}. {left}.", holder=holder)
