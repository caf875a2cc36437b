"""The first start of a station creates its first user, its storage roots, its first cameras and its first sensor;
each is created once, and what an operator removes later does not come back. The first start on the database that a
station was moved to is recorded, once."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from cameras.models import Camera
from core.database_move import MARK
from core.events.service import record_event
from monitoring.models import Sensor
from monitoring.sensor_management.resource import SensorRequest
from monitoring.sensor_management.services import add_sensor
from skycam_project.access.models import Role, User
from skycam_project.config import SkycamConfig
from skycam_project.config.model import FIRST_SENSOR
from skycam_project.launch.preparation import FirstStart
from skycam_project.provisioning.lists import serial_settings


def run_first_start(admin_password: str | None) -> FirstStart:
    ensure_roots()
    ensure_cameras()
    ensure_sensor()
    # Last: a generated password is returned only once, so nothing after it may fail.
    return ensure_admin(admin_password)


def ensure_roots() -> None:
    """A host does not start without its default root. A missing further root is replaced by the default root."""
    from captures.pixelink_service.roots import ensure_service_root
    from captures.roots.roots import UnusableRoot, ensure_default_root, ensure_video_root

    ensure_default_root()
    try:
        ensure_service_root()
    except UnusableRoot as error:
        print(f"warning: IMAGE_SAVE_PATH: {error} The service's pictures are stored with all others.", flush=True)
    try:
        ensure_video_root()
    except UnusableRoot as error:
        print(f"warning: VIDEO_PATH: {error} Clips are stored with the pictures.", flush=True)


@transaction.atomic
def ensure_admin(password: str | None) -> FirstStart:
    """Create the user `admin` if the station has no user yet. Without `password` one is generated."""
    if User.objects.exists():
        return FirstStart(admin_created=False, admin_password=None)
    generated = None if password else secrets.token_urlsafe(9)
    User.objects.create_superuser("admin", password=password or generated, role=Role.MANAGER)
    return FirstStart(admin_created=True, admin_password=generated)


@transaction.atomic
def ensure_cameras() -> None:
    """Create the simulated camera, and the camera of the configuration's `camera` section as the primary one."""
    config: SkycamConfig = settings.STATION
    # Finds a removed camera too, whose row stays: it is not created again.
    if not Camera.objects.filter(slug="simulated").exists():
        primary = not Camera.objects.present().filter(primary=True).exists()
        _add("simulated", name="Simulated camera", kind="simulated", primary=primary)
    if config.camera_given and not Camera.objects.filter(slug="dslr").exists():
        # The database allows one primary camera.
        Camera.objects.present().filter(primary=True).update(primary=False)
        _add("dslr", name="DSLR", kind=config.camera.kind, address=config.camera.port or "", primary=True)


def ensure_sensor() -> None:
    """Create the sensor of the configuration's `sensor` section. A start does not fail because of it."""
    config: SkycamConfig = settings.STATION
    # Finds a removed one too, whose row stays: it is not created again.
    if not config.sensor_given or Sensor.objects.filter(name=FIRST_SENSOR).exists():
        return
    wanted = SensorRequest(
        name=FIRST_SENSOR, kind=config.sensor.type, settings=serial_settings(config.sensor),
        interval_s=config.sensor.sampling_interval,
    )  # fmt: skip
    try:
        add_sensor(wanted, "", from_file=True)
    except ValidationError as error:
        print(
            f"warning: sensor: {' '.join(error.messages)} No sensor was created. Correct the section, or add one with "
            "`skycam sensors`.",
            flush=True,
        )


def _add(slug: str, **fields: Any) -> None:
    Camera.objects.create(slug=slug, host=settings.STATION.host, **fields)


def note_arrival() -> None:
    """End the mark of the move and record its event, once. DatabaseError."""
    if connection.vendor != "postgresql" or MARK not in connection.introspection.table_names():
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {MARK}")
        record_event("database.moved", "The station's database was moved from SQLite to PostgreSQL.", camera=None)
