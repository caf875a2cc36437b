"""Live pictures for whoever the gate has let in: the same feed that the station's pages have."""

from __future__ import annotations

from typing import Any

from cameras.live.service import next_picture
from cameras.models import Camera
from captures.pixelink_service.served import NotConnected

FIRST_WAIT_S = 3.0


class Program:
    """Stands for a user, to whom a stream is shown for as long as the camera is there."""

    is_authenticated = True

    def may(self, _role: str) -> bool:
        return True


class Everybody:
    """All clients of the service, as one visitor of `cameras.sockets.sight`."""

    needs_origin = False

    def user(self) -> Any:
        return Program()


EVERYBODY = Everybody()


def check_pictures(camera: Camera, quality: str) -> None:
    """NotConnected when no picture comes. BrokerDown."""
    if next_picture(camera.slug, quality, FIRST_WAIT_S) is None:
        raise NotConnected(f"{camera.slug} gave no picture within {FIRST_WAIT_S:g} s.")
