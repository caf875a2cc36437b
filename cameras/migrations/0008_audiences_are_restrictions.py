"""A camera with an audience was for that audience alone: it is restricted now. Events and alerts from before get the
id of the camera that had their slug at the time."""

from itertools import groupby

from django.db import migrations


def restrict(apps, schema_editor):
    Camera = apps.get_model("cameras", "Camera")
    listed = Camera.audience.through.objects.values("camera_id")
    Camera.objects.filter(pk__in=listed).update(restricted=True)


def name_cameras(apps, schema_editor):
    Camera = apps.get_model("cameras", "Camera")
    rows = [(apps.get_model("monitoring", "Event"), "at"), (apps.get_model("monitoring", "Alert"), "opened_at")]
    by_slug = groupby(Camera.objects.order_by("slug", "created_at", "pk"), key=lambda camera: camera.slug)
    for slug, group in by_slug:
        cameras = list(group)
        for camera, successor in zip(cameras, [*cameras[1:], None]):
            for model, at in rows:
                unnamed = model.objects.filter(camera=slug, camera_uuid="")
                if successor is not None:
                    unnamed = unnamed.filter(**{f"{at}__lt": successor.created_at})
                unnamed.update(camera_uuid=str(camera.pk))


class Migration(migrations.Migration):
    dependencies = [
        ("cameras", "0007_restricted_cameras"),
        ("monitoring", "0004_camera_ids_of_events"),
    ]

    operations = [
        migrations.RunPython(restrict, migrations.RunPython.noop),
        migrations.RunPython(name_cameras, migrations.RunPython.noop),
    ]
