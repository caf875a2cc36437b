"""Every page is valid HTML, as html-validate (npm) sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cameras.models import Camera, SettingsPreset
from captures.models import Experiment, StorageRoot
from captures.storage.retention.manager import StorageManager
from monitoring.models import SensorChannel
from tests.harness.browsers.html_check import html_errors
from tests.harness.clients.pages import text_of
from tests.harness.rows.archived_files import archive_of, archived_clip
from tests.harness.rows.clips import clip_of
from tests.harness.rows.experiments import capture_in, clip_in, running, suspended
from tests.harness.rows.notifications import route_to, webhook_channel
from tests.harness.rows.offsite_rows import copy_row, folder_destination_row
from tests.harness.rows.sensor_states import publish, reading
from tests.harness.rows.sensors import make_sensor
from tests.harness.rows.storage import finding_row, measured, stored, trashed_capture
from tests.harness.rows.webhooks import added, deliver_due, happened, only_delivery

ADDRESSES = {
    "dashboard": "/",
    "dashboard-now": "/dashboard/now/",
    "camera": "/cameras/sky/",
    "settings": "/cameras/sky/settings/",
    "start": "/cameras/sky/start/",
    "edit": "/cameras/sky/edit/",
    "remove": "/cameras/sky/remove/",
    "faults": "/cameras/sky/faults/",
    "audience": "/cameras/sky/audience/",
    "preset": "/cameras/sky/presets/Night/",
    "gallery": "/gallery/",
    "nights": "/nights/",
    "clips": "/clips/?day=2026-03-28&camera=sky",
    "missed": "/clips/?day=2026-03-28&camera=sky&missed=2026-03-28T12:30:00Z",
    "clip": "/clips/{clip}/",
    "delete-clip": "/clips/{clip}/delete/",
    "experiments": "/experiments/",
    "add-experiment": "/experiments/add/",
    "experiment": "/experiments/{run}/",
    "experiment-now": "/experiments/{run}/now/",
    "edit-experiment": "/experiments/{run}/edit/",
    "abort-experiment": "/experiments/{run}/abort/",
    "experiment-clips": "/experiments/{run}/clips/",
    "experiment-captures": "/experiments/{run}/captures/",
    "archives": "/archives/",
    "archive": "/archives/{archive}/",
    "archive-now": "/archives/{archive}/now/",
    "archived-file": "/archives/{archive}/files/{archived}/",
    "cameras": "/cameras/",
    "status": "/status/",
    "events": "/events/",
    "alerts": "/alerts/?state=all",
    "alert-rules": "/alerts/rules/",
    "add-alert-rule": "/alerts/rules/add/",
    "add-event-rule": "/alerts/rules/add/?kind=event",
    "alert-rule": "/alerts/rules/disk-low/",
    "remove-alert-rule": "/alerts/rules/disk-low/remove/",
    "default-alert-rules": "/alerts/rules/defaults/",
    "maintenance": "/alerts/maintenance/",
    "users": "/users/",
    "sensors": "/sensors/",
    "sensors-now": "/sensors/now/",
    "sensor": "/sensors/balcony/",
    "sensor-now": "/sensors/balcony/now/",
    "sensor-channel": "/sensors/balcony/channels/{channel}/",
    "add-sensor": "/sensors/add/",
    "add-simulated-sensor": "/sensors/add/?kind=simulated",
    "remove-sensor": "/sensors/balcony/remove/",
    "notifications": "/notifications/",
    "notifications-now": "/notifications/now/",
    "add-channel": "/notifications/channels/add/mail/",
    "channel": "/notifications/channels/{notified}/",
    "add-route": "/notifications/routes/add/",
    "route": "/notifications/routes/{route}/",
    "alert-link": "/alerts/link/{link}/",
    "webhooks": "/webhooks/",
    "webhook": "/webhooks/{webhook}/",
    "webhook-now": "/webhooks/{webhook}/now/",
    "delivery": "/webhooks/{webhook}/deliveries/{delivery}/",
    "remove-webhook": "/webhooks/{webhook}/remove/",
    "storage": "/storage/",
    "storage-now": "/storage/now/",
    "add-folder": "/storage/destinations/add/",
    "add-sftp": "/storage/destinations/add/?kind=sftp",
    "add-s3": "/storage/destinations/add/?kind=s3",
    "destination": "/storage/destinations/{destination}/",
    "cleanup-plan": "/storage/plans/{plan}/",
    "trash": "/storage/trash/",
    "integrity": "/storage/integrity/",
    "finding": "/storage/integrity/{finding}/",
    "station-settings": "/settings/",
    "account": "/accounts/",
    "viewers": "/live/viewers/",
    "password": "/accounts/password/",
    "nowhere": "/nowhere/",
}


@pytest.mark.slow
def test_every_page_is_valid_html(
    html_validate: Path, valkey: Any, manager: Any, anonymous: Any, camera: Camera, pictures: Any, tmp_path: Path
) -> None:
    from core.events.service import raise_alert
    from monitoring.notifications.links import link_token
    from monitoring.notifications.silences import silence_alert

    change_on_camera(camera)
    clip = clip_of(camera, pictures[0].files.get().root, simulated=True, interrupted=True, lost_frames=3)
    streams(camera)
    run = run_of(camera, clip.root)
    archive = archive_of(run, missing=["sky: one gap."])
    archived = archived_clip(archive, clip, state="damaged", message="Its content has changed.")
    notified = webhook_channel()
    route = route_to(notified)
    alert = raise_alert("disk", "The disk is nearly full. See `skycam doctor`.", severity="error", camera=None)
    silence_alert(alert, "anna")
    webhook = added()
    happened()
    deliver_due()
    delivery = only_delivery()
    storage = storage_of(camera, clip.root)
    channel = channel_of_sensor()
    for name, address in ADDRESSES.items():
        values = {"clip": clip.pk, "run": run.pk, "webhook": webhook.pk, "delivery": delivery.pk}
        values |= {"channel": channel.pk, "notified": notified.pk, "route": route.pk}
        values |= {"link": link_token(alert.pk, notified.pk)}
        values |= {"archive": archive.pk, "archived": archived.pk, **storage}
        (tmp_path / f"{name}.html").write_text(text_of(manager.get(address.format(**values))))
    (tmp_path / "sign_in.html").write_text(text_of(anonymous.get("/accounts/login/")))
    assert html_errors(html_validate, tmp_path) == ""


def channel_of_sensor() -> SensorChannel:
    """Of a sensor that a host reads, with all qualities."""
    sensor = make_sensor(label="Balcony")
    publish(*(reading(key=quality, quality=quality) for quality in ("ok", "stale", "implausible", "missing")))
    rows = [SensorChannel(sensor=sensor, key=key, quantity="temperature") for key in ("ok", "stale", "implausible")]
    SensorChannel.objects.bulk_create(rows)
    return SensorChannel.objects.create(sensor=sensor, key="missing", quantity="temperature", main=True, lowest=-5)


def storage_of(camera: Camera, root: StorageRoot) -> dict[str, object]:
    """Usage, a destination with a dead copy, a plan, a finding, and a capture in the trash."""
    measured(root, 5)
    stored(root, camera, "capture", 1000)
    destination = folder_destination_row()
    copy_row(destination)
    trashed_capture(camera, root)
    plan = StorageManager(root.host, "boss").plan()
    return {"destination": destination.pk, "plan": plan.id, "finding": finding_row(root).pk}


def run_of(camera: Camera, root: StorageRoot) -> Experiment:
    """With video, a stop, a capture, a note, a tag and an attachment."""
    run = running(camera, description="One\n\ntwo", method="M")
    clip_in(run, camera, root, 0, 1000, lost_frames=None)
    suspended(run, "ben", 1000, 2000)
    capture_in(run, camera, 10)
    run.tags.create(name="dew")
    run.notes.create(author="ada", text="Drops.")
    run.attachments.create(label="Protocol", reference="https://example.org", added_by="ada")
    return run


def change_on_camera(camera: Camera) -> None:
    """A setting was changed on the camera itself; a preset of its kind differs too."""
    SettingsPreset.objects.create(kind=camera.kind, name="Night", settings={"gain": 4.0})
    camera.capabilities = {"settings": {"gain": {"choices": [2.0, 4.0]}, "exposure_us": {"choices": [1000]}}}
    camera.settings, camera.read_back = {"gain": 3.0, "exposure_us": 1000}, {"gain": 2.0}
    camera.differs = [{"name": "gain", "wished": 3.0, "has": 2.0}]
    camera.save()


def streams(camera: Camera) -> None:
    camera.capabilities = {**camera.capabilities, "stream": True}
    camera.save()
