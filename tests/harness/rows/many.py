"""Many rows at once."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from cameras.models import Camera
from captures.models import Capture, CaptureFile, StorageRoot


def many_captures(camera: Camera, root: StorageRoot, number: int) -> list[Capture]:
    now = timezone.now()
    made = Capture.objects.bulk_create(
        Capture(
            camera=camera, status="saved", exposed=True, exposure_us=1000, temperature_celsius=20 + n % 7,
            started_at=now - timedelta(minutes=n), simulated=True,
        )
        for n in range(number)
    )  # fmt: skip
    CaptureFile.objects.bulk_create(
        CaptureFile(capture=one, kind="jpeg", host=root.host, root=root, path=f"{one.pk}.jpg", bytes=9, sha256="0" * 64)
        for one in made
    )
    return made


def many_cameras(number: int) -> list[Camera]:
    return Camera.objects.bulk_create(
        Camera(slug=f"more-{n}", name=f"More {n}", kind="simulated", host=settings.STATION.host) for n in range(number)
    )
