"""Queues what the Supervisor records of its cameras in the database: events, alerts, observed states, readings. A
change made on a camera's body becomes one event."""

from __future__ import annotations

import functools
import time
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from cameras.models import Camera
from cameras.runtime.messages import Reading
from cameras.runtime.settings_drift import Difference, still_desired
from cameras.status.status import supersedes
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.outbox import Outbox
from cameras.supervision.process_counters import ProcessCounters
from core.camera_names import CameraRef
from core.camera_refs import Cameras
from core.events.service import raise_alert, record_event, resolve_alert, resolve_alerts
from core.text.sentences import sentence


@transaction.atomic
def store_read_back(camera: str, reading: Reading) -> None:
    """A newer reading in the row is kept. A camera that was removed meanwhile has no row."""
    row = Camera.objects.select_for_update().filter(pk=camera).first()
    if row is None or not supersedes(datetime.fromisoformat(reading["read_at"]), row.read_at):
        return
    # The reading may have waited in the outbox while other settings were stored.
    known, row.differs = row.differs, still_desired(reading["differs"], row.settings)
    row.read_back, row.read_at = reading["actual"], reading["read_at"]
    row.save(update_fields=["read_back", "read_at", "differs"])
    for difference in row.differs:
        if difference not in known:
            _record_difference(row, difference)


def _record_difference(camera: Camera, difference: Difference) -> None:
    text = sentence(
        "{name} of {camera} was changed on the camera itself: it has {has}, and {desired} is desired. Adopt it, or "
        "apply yours again.",
        name=difference["name"], camera=camera, has=difference["has"], desired=difference["wished"],
    )  # fmt: skip
    record_event("camera.settings", text, severity="warning", camera=camera, data={"differs": difference})


class EventWriter:
    """Has no state of its own; any thread may use it. The calls are made in their order by the database thread, and
    wait in the outbox while the database is away."""

    def __init__(self, outbox: Outbox, counters: ProcessCounters) -> None:
        self._outbox, self._counters = outbox, counters

    def record_event(
        self, kind: str, message: str, severity: str, camera: CameraRef | None, data: dict[str, Any]
    ) -> None:
        if kind == "camera.ladder" and camera is not None:
            self._counters.count_step(camera.slug, data["step"])
        # The call is made when the database is back, which may be hours later.
        at = timezone.now()
        self._outbox.add(
            functools.partial(record_event, kind, message, severity=severity, camera=camera, data=data, at=at)
        )

    def raise_alert(self, key: str, message: str, severity: str, camera: Cameras) -> None:
        self._outbox.add(functools.partial(raise_alert, key, message, severity=severity, camera=camera))

    def resolve_alert(self, key: str) -> None:
        self._outbox.add(functools.partial(resolve_alert, key))

    def resolve_alerts(self, beginning: str) -> None:
        self._outbox.add(functools.partial(resolve_alerts, beginning))

    def record_observed(self, slot: CameraSlot, observed: str, reason: str) -> None:
        """Record a changed state in the camera's row and the event log. A camera that another machine drives is
        recorded by that one. `slot.lock` keeps the states of one camera in their order."""
        camera = slot.desired
        with slot.lock:
            if camera.elsewhere or camera.fenced or (observed, reason) == slot.last_observed:
                return
            slot.last_observed, slot.since = (observed, reason), time.time()
            fields = {"observed": observed, "observed_reason": reason, "observed_at": timezone.now()}
            self._outbox.add(functools.partial(Camera.objects.filter(pk=camera.id).update, **fields))
            template = "{camera} is {observed}: {reason}" if reason else "{camera} is {observed}."
            text = sentence(template, camera=camera, observed=observed, reason=reason)
            severity = "warning" if observed in {"reconnecting", "quarantined"} else "info"
            self.record_event("camera.state", text, severity, camera, {"observed": observed})

    def record_opened(self, camera: str, identity: dict[str, Any], capabilities: dict[str, Any]) -> None:
        fields = {"identity": identity, "capabilities": capabilities}
        self._outbox.add(functools.partial(Camera.objects.filter(pk=camera).update, **fields))

    def record_read_back(self, camera: CameraRef, reading: Reading) -> None:
        self._outbox.add(functools.partial(store_read_back, str(camera.id), reading))
        for warning in reading["warnings"]:
            text = sentence("{camera}: {warning}", camera=camera, warning=warning)
            self.record_event("camera.settings", text, "warning", camera, {"actual": reading["actual"]})
