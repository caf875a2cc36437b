"""The requests that loop over rows, each with the rows that it changes or removes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import uuid6
from django.utils import timezone

from cameras.models import Camera, CameraHost
from captures.experiments.service import ExperimentService
from captures.models import (
    Clip,
    ClipHold,
    Destination,
    Experiment,
    ExperimentCamera,
    ExperimentClip,
    OffsiteCopy,
    StorageAssignment,
    StorageRoot,
)
from captures.recordings.claims.services import HOLD
from captures.storage.archives.services import request_archive
from captures.storage.file_classes import FileClass
from captures.storage.offsite.copy_rows import retry_dead
from captures.storage.offsite.resource import DeleteQuery, DestinationChange
from captures.storage.offsite.services import change_destination, remove_destination
from captures.storage.retention.manager import store_plan
from captures.storage.retention.plan import CleanupPlan, PlanItem, Why
from core.events.models import Alert
from core.idempotency.models import IdempotentRequest
from monitoring.alert_rules.services import remove_rule
from monitoring.models import AlertRule, NotificationDelivery, Webhook, WebhookDelivery
from monitoring.notifications.resource import ChannelRequest
from monitoring.notifications.services import add_channel, remove_channel
from monitoring.webhooks.resource import WebhookChange, WebhookRequest
from monitoring.webhooks.services import add_webhook, change_webhook, remove_webhook
from scheduler.editing.service import ScheduleService
from scheduler.models import FieldList, Observation, PlannedRun, Schedule
from scheduler.schedules.resource import NightRequest, ScheduleChange, ScheduleRequest
from scheduler.telescope.field_lists.resource import FieldListChange, FieldListRequest
from scheduler.telescope.field_lists.service import FieldListService
from skycam_project.access.accounts import remove_user
from skycam_project.access.models import Role, User

Request = Callable[[], object]
FIELDS, SCHEDULES, ALERTS = 500, 100, 200
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
WHO = "many"
NOWHERE = "http://192.0.2.1/hook"


def requests(rows: int) -> Iterator[tuple[str, Request]]:
    """What each needs is made before it is measured."""
    camera = Camera.objects.create(slug="sky", name="Sky", kind="simulated", host="main")
    root, _ = StorageRoot.objects.get_or_create(id=uuid6.uuid7(), host="main", path="/nowhere/locks")
    StorageAssignment.objects.get_or_create(host="main", storage_class="archives", defaults={"root": root})
    yield from field_list_requests(rows)
    yield from schedule_requests(rows, camera)
    yield from clip_requests(rows, camera, root)
    yield from monitoring_requests(rows)
    yield "A user with requests is removed", removal_of_user(rows)


def field_list_requests(rows: int) -> Iterator[tuple[str, Request]]:
    service, text = FieldListService(None, WHO), field_text()
    yield f"A list of {FIELDS} fields is added", lambda: service.add(FieldListRequest(name="list", text=text))
    found = FieldList.objects.get()
    fields = list(found.fields.all())
    Observation.objects.bulk_create(
        Observation(
            capture_id=uuid6.uuid7(), field_list=found, field=fields[number % FIELDS], field_key="a", number=1,
            observed_at=LONG_AGO, jd=2_461_000.5, lst_h=1.0, exposure_s=1.0, filename="a", selection=0, reason="",
            interval_h=0.0,
        )
        for number in range(rows)
    )  # fmt: skip

    def change(**fields: Any) -> Request:
        return lambda: service.change(found, FieldListChange(**fields))

    yield "The list is renamed", change(name="other")
    yield "Each of its fields is changed", change(text=field_text(exposure_s=60))
    yield "A line comes before all others", change(text="0.50 -10 Y 10 0 1 0\n" + field_text(FIELDS - 1, 60))
    yield "All its fields, which were observed, are removed", change(text="0.50 -10 Y 10 0 1 0\n")
    yield "The list is archived", lambda: service.archive(found)


def field_text(number: int = FIELDS, exposure_s: int = 100) -> str:
    return "".join(f"{one / 25:.2f} -{one % 80} Y {exposure_s} 0 1 0 # field {one}\n" for one in range(number))


def schedule_requests(rows: int, camera: Camera) -> Iterator[tuple[str, Request]]:
    CameraHost.objects.update_or_create(
        name="main", defaults={"site": {"latitude": -29.26, "longitude": -70.73, "elevation": 2347.0}}
    )
    manager = User.objects.create_user("planner", role=Role.MANAGER)
    service = ScheduleService(manager, WHO, lambda: None)
    made = [service.add(schedule_request(f"schedule {number}", number)) for number in range(SCHEDULES)]
    PlannedRun.objects.bulk_create(
        PlannedRun(
            camera=camera, schedule=made[number % SCHEDULES], programme={}, windows=[], begins_at=at, ends_at=at + HOUR,
            night=at.date(),
        )
        for number, at in ((number, timezone.now() - timedelta(days=3, minutes=number)) for number in range(rows))
    )  # fmt: skip
    planning = ScheduleService(manager, WHO)
    yield (
        f"The first of {SCHEDULES} schedules is changed, and all runs are planned",
        lambda: planning.change_given(made[0], ScheduleChange(priority=5)),
    )
    yield (
        "Its name is changed, which its runs have",
        lambda: planning.change_given(made[0], ScheduleChange(name="first")),
    )
    yield (
        "A night of it is skipped",
        lambda: planning.change_night(
            Schedule.objects.get(pk=made[0].pk),
            NightRequest(night=(timezone.now() + timedelta(days=1)).date(), skip=True),
        ),
    )
    yield "The schedule is removed", lambda: planning.remove(Schedule.objects.get(pk=made[0].pk))
    yield "Another schedule is added", lambda: planning.add(schedule_request("another", 7))


HOUR = timedelta(hours=1)


def schedule_request(name: str, number: int) -> ScheduleRequest:
    return ScheduleRequest.model_validate(
        {
            "name": name, "cameras": ["sky"], "programme": {"exposure_us": 1000, "cadence_s": 60},
            "window": {"begin": f"{number // 5 % 24:02}:{number % 5 * 12:02}", "end": f"{number // 5 % 24:02}:59"},
        }
    )  # fmt: skip


def clip_requests(rows: int, camera: Camera, root: StorageRoot) -> Iterator[tuple[str, Request]]:
    clips = Clip.objects.bulk_create(
        Clip(
            camera=camera, root=root, host="main", kind="rolling", started_at=LONG_AGO + number * timedelta(minutes=1),
            ended_at=LONG_AGO + (number + 1) * timedelta(minutes=1), frames=600, bytes=1_000_000, sha256="0" * 64,
            path=f"clips/sky/{number:06}.mp4", width=640, height=480, codec="h264",
        )
        for number in range(rows)
    )  # fmt: skip
    items = tuple(
        PlanItem("clips", str(clip.pk), FileClass.ROLLING_CLIP, camera.pk, root.pk, clip.path, clip.bytes, Why.COUNT)
        for clip in clips
    )
    yield "A plan of a cleanup is stored", lambda: store_plan(CleanupPlan("main", items), WHO)
    yield from experiment_requests(camera, clips)
    yield from offsite_requests(camera, root, clips)


def experiment_requests(camera: Camera, clips: list[Clip]) -> Iterator[tuple[str, Request]]:
    found = Experiment.objects.create(
        name="dew",
        operator=WHO,
        still_interval_s=60,
        state="completed",
        settled=True,
        started_at=LONG_AGO,
        ended_at=timezone.now(),
    )
    ExperimentCamera.objects.create(experiment=found, camera=camera, position=1)
    ExperimentClip.objects.bulk_create(ExperimentClip(experiment=found, clip=clip) for clip in clips)
    ClipHold.objects.bulk_create(ClipHold(clip=clip, by=HOLD, name=str(found.pk)) for clip in clips)
    yield "An experiment is archived", lambda: request_archive(found, user=None, actor=WHO)
    yield "Its clips are released", lambda: ExperimentService(None, WHO).release(found)


def offsite_requests(camera: Camera, root: StorageRoot, clips: list[Clip]) -> Iterator[tuple[str, Request]]:
    found = Destination.objects.create(
        name="disk", kind="folder", classes=["rolling_clip"], settings={"path": "/mnt/a"}, keep_local=False
    )
    copies = OffsiteCopy.objects.filter(destination=found)
    OffsiteCopy.objects.bulk_create(
        OffsiteCopy(
            destination=found, table="clips", uuid=clip.pk, file_class="rolling_clip", host="main", root=root.pk,
            path=clip.path, bytes=clip.bytes, sha256=clip.sha256, camera=camera.pk, at=clip.started_at, key=clip.path,
            state="dead", attempts=3,
        )
        for clip in clips
    )  # fmt: skip
    yield "Dead off-site copies are queued again", lambda: retry_dead(copies, WHO)
    copies.update(state="verified", verified_at=timezone.now(), verified_by="read_back")
    moved = DestinationChange(settings={"path": "/mnt/b"}, copies_moved=True)
    yield "A destination with copies is moved", lambda: change_destination(found, moved, WHO)
    yield "The destination is removed", lambda: remove_destination(found, DeleteQuery(force=True), WHO)


def monitoring_requests(rows: int) -> Iterator[tuple[str, Request]]:
    channel = add_channel(
        ChannelRequest(name="lab", kind="webhook", settings={"url": NOWHERE, "secret": "a" * 30}), WHO
    )
    NotificationDelivery.objects.bulk_create(
        NotificationDelivery(channel=channel, kind="opened", alert=uuid6.uuid7(), state="sent", ended_at=LONG_AGO)
        for _ in range(rows)
    )
    yield "A notification channel is removed", lambda: remove_channel(channel, WHO)
    webhook = add_webhook(WebhookRequest(name="lab", url=NOWHERE, kinds=["storage.*"]), WHO)
    fill_backlog(webhook, rows)
    yield (
        "A web-hook with a backlog is switched off",
        lambda: change_webhook(webhook, WebhookChange(enabled=False), WHO),
    )
    fill_backlog(webhook, rows)
    yield "A web-hook with a backlog is removed", lambda: remove_webhook(webhook, WHO)
    rule = AlertRule.objects.create(name="damp", kind="reading_above", threshold=90)
    Alert.objects.bulk_create(
        Alert(key=f"rule:damp:{number}", message="Damp.", data={"rule": "damp", "subject": str(number)})
        for number in range(ALERTS)
    )
    yield f"An alert rule with {ALERTS} open alerts is removed", lambda: remove_rule(rule, WHO)


def fill_backlog(webhook: Webhook, rows: int) -> None:
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(webhook=webhook, event=uuid6.uuid7(), kind="storage.full", body=b"{}") for _ in range(rows)
    )


def removal_of_user(rows: int) -> Request:
    user = User.objects.create_user("program", role=Role.OPERATOR)
    IdempotentRequest.objects.bulk_create(
        IdempotentRequest(
            user=user, key=str(number), method="POST", route="a/", fingerprint="", state="answered", status=201,
            body="{}",
        )
        for number in range(rows)
    )  # fmt: skip
    return lambda: remove_user(user, actor=WHO)
