"""Live pictures for clients of the service: the same feed as on the station's pages."""

from __future__ import annotations

from typing import Any

from cameras.live.mjpeg import MjpegStream, open_stream
from cameras.live.snapshot_limiter import has_pictures
from cameras.models import Camera
from captures.pixelink_service.served_camera import ACTOR, NotConnected

FIRST_WAIT_S = 3.0


class ServiceUser:
    """Takes the place of a user: the service has none. It may see the stream for as long as the camera exists."""

    is_authenticated = True

    def get_username(self) -> str:
        return ACTOR

    def may(self, _role: str) -> bool:
        return True


class ServicePrincipal:
    """All clients of the service, as one principal of `cameras.sockets.access`. They send no Origin."""

    needs_origin = False

    def user(self) -> Any:
        return ServiceUser()


SERVICE_PRINCIPAL = ServicePrincipal()


def check_pictures(camera: Camera, quality: str) -> None:
    """NotConnected when no picture arrives in FIRST_WAIT_S; BrokerDown; LiveViewRefused when live view is switched
    off."""
    if not has_pictures(camera.slug, quality, FIRST_WAIT_S):
        raise NotConnected(f"{camera.slug} delivered no picture within {FIRST_WAIT_S:g} s.")


def open_feed(camera: Camera, quality: str, remote: str) -> MjpegStream:
    """Register one more viewer. LiveViewRefused when the limit of viewers is reached."""
    return open_stream(camera.slug, quality, SERVICE_PRINCIPAL, ACTOR, remote)
