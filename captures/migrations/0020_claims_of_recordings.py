"""A claim for each recording that is requested: without it, the next change of claims would end the recording."""

from __future__ import annotations

from typing import Any

from django.db import migrations


def add_claims(apps: Any, schema_editor: Any) -> None:
    cameras, claims = apps.get_model("cameras", "Camera"), apps.get_model("captures", "RecordingClaim")
    for camera in cameras.objects.exclude(recording="").filter(removed_at=None):
        claims.objects.get_or_create(
            camera=camera, kind=camera.recording, ended_at=None, defaults={"by": camera.recording_by}
        )


class Migration(migrations.Migration):
    dependencies = [
        ("cameras", "0013_experiments_that_record"),
        ("captures", "0019_experiments_and_claims"),
    ]

    operations = [migrations.RunPython(add_claims, migrations.RunPython.noop)]
