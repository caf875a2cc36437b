"""The cameras of this machine, for checks that go on without a database."""

from __future__ import annotations

from dataclasses import dataclass

from skycam_project.cli.station import Station


@dataclass(frozen=True, slots=True)
class KnownCamera:
    """`usb` has vendor, product and serial of the USB device that it was opened on; empty for one that never was."""

    slug: str
    kind: str
    usb: dict[str, str]


def known_cameras(station: Station) -> list[KnownCamera]:
    """The cameras in use of this host by the database, if it answers; else those of the configuration."""
    from skycam_project.cli.diagnostics.database import database_error
    from skycam_project.cli.errors import CliError

    try:
        station.set_up_django()
        return stored_cameras(station.config.host)
    except (CliError, database_error()):
        host = station.config.host
        return [KnownCamera(one.id, one.type, {}) for one in station.config.cameras if one.host in {"", host}]


def stored_cameras(host: str) -> list[KnownCamera]:
    from cameras.models import Camera

    rows = Camera.objects.present().filter(host=host, enabled=True).order_by("slug")
    return [KnownCamera(camera.slug, camera.kind, camera.identity.get("usb", {})) for camera in rows]
