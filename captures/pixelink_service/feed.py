"""Live pictures for whoever the gate has let in: the same feed that the station's pages have."""

from __future__ import annotations

from typing import Any

from cameras.live.mjpeg import MjpegStream, open_stream
from cameras.live.snapshot_limiter import has_pictures
from cameras.models import Camera
from captures.pixelink_service.served import ACTOR, NotConnected

FIRST_WAIT_S = 3.0


class Program:
    """Stands for a user, to whom a stream is shown for as long as the camera is there."""

    is_authenticated = True

    def get_username(self) -> str:
        return ACTOR

    def may(self, _role: str) -> bool:
        return True


class Everybody:
    """All clients of the service, as one principal of `cameras.sockets.access`."""

    needs_origin = False

    def user(self) -> Any:
        return Program()


EVERYBODY = Everybody()


def check_pictures(camera: Camera, quality: str) -> None:
    """NotConnected when no picture comes. BrokerDown; LiveViewRefused where live view is switched off."""
    if not has_pictures(camera.slug, quality, FIRST_WAIT_S):
        raise NotConnected(f"{camera.slug} gave no picture within {FIRST_WAIT_S:g} s.")


def place(camera: Camera, quality: str, remote: str) -> MjpegStream:
    """For one more stream. LiveViewRefused when as many watch as may."""
    return open_stream(camera.slug, quality, EVERYBODY, ACTOR, remote)
