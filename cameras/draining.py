"""A host that is drained: what runs there ends, and nothing new starts (docs/decisions/joining.md)."""

from __future__ import annotations

from django.db.models import Exists, OuterRef

from cameras.errors import ControlError
from cameras.models import Camera, CameraHost
from core.text.sentences import sentence


class HostDraining(ControlError):
    """Nothing new starts on the camera's host."""

    problem = "host-draining"

    def __init__(self, camera: Camera) -> None:
        super().__init__(
            sentence(
                "The host {host} of {camera} is drained, so nothing new starts there. Use a camera of another host, or "
                "end the draining: `skycam hosts drain {host} --undo`.",
                host=camera.host, camera=camera,
            )
        )  # fmt: skip


def is_draining(host: str) -> bool:
    return CameraHost.objects.filter(pk=host, draining_since__isnull=False).exists()


def on_draining_host() -> Exists:
    """An annotation of a query of cameras."""
    return Exists(CameraHost.objects.filter(pk=OuterRef("host"), draining_since__isnull=False))


def check_not_draining(camera: Camera) -> None:
    """HostDraining if nothing new may start on the camera's host."""
    if is_draining(camera.host):
        raise HostDraining(camera)
