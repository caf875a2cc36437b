"""What the database wishes of this host's cameras, as plain values that outlive an outage of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from cameras.models import Camera
from cameras.runtime.spec import Spec
from cameras.supervision.usb import UsbIdentity
from cameras.tables import CONSUMERS, PROGRAMMES, ROOTS, resolve

CLOCK_WAIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Wish:
    id: str
    slug: str
    kind: str
    address: str
    settings: dict[str, Any]
    enabled: bool
    connected: bool
    removed: bool
    session: dict[str, Any] | None
    root: str
    root_path: str
    usb: UsbIdentity | None = None
    """As it was when the camera was opened last."""
    elsewhere: bool = False
    """Its row names another host now: what is left here is brought to its end."""

    @property
    def runs(self) -> bool:
        return self.enabled and self.connected and not self.removed and not self.elsewhere

    @property
    def desired(self) -> str:
        if not self.enabled:
            return "disabled"
        return "connected" if self.connected else "disconnected"

    @property
    def place(self) -> tuple[str, ...]:
        """What cannot change under a running process."""
        return (self.kind, self.address, self.slug, self.root, self.root_path)

    def spec(self, verdict: dict[str, str] | None, faults: dict[str, Any] | None = None) -> Spec:
        station = settings.STATION
        return Spec(
            camera=self.id,
            slug=self.slug,
            kind=self.kind,
            address=self.address,
            settings=self.settings,
            sources=[str(folder) for folder in station.sources],
            root=self.root,
            root_path=self.root_path,
            station=station.station,
            redis_url=station.redis_url,
            site=station.site.model_dump(),
            margin_s=station.supervision.margin_s,
            clock_wait_s=CLOCK_WAIT_S,
            consumers=CONSUMERS,
            session=self.session,  # type: ignore[typeddict-item]
            verdict=verdict,
            faults=faults or {},
        )


def wishes(host: str) -> dict[str, Wish]:
    """By the camera's UUID; removed cameras too, for as long as their spool may hold something."""
    root = resolve(ROOTS["default"])(host)
    session_of = resolve(PROGRAMMES["session"])
    return {
        str(camera.id): Wish(
            id=str(camera.id),
            slug=camera.slug,
            kind=camera.kind,
            address=camera.address,
            settings=camera.settings,
            enabled=camera.enabled,
            connected=camera.connected,
            removed=camera.removed_at is not None,
            session=session_of(camera),
            root=root["id"],
            root_path=root["path"],
            usb=UsbIdentity(**camera.identity["usb"]) if camera.identity.get("usb") else None,
        )
        for camera in Camera.objects.filter(host=host)
    }
