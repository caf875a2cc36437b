"""Handles the messages of the camera processes, each on the thread that reads its process, and queues what is
recorded of them in the database: events, alerts, observed states, readings. A change made on a camera's body becomes
one event."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from cameras.models import Camera
from cameras.runtime.messages import (
    AlertReport,
    FaultsReport,
    LadderReport,
    LogReport,
    ObservedReport,
    OpenedReport,
    Reading,
    Report,
    ReportType,
    SettingsReport,
)
from cameras.runtime.settings_drift import Difference, still_desired
from cameras.status.status import supersedes
from cameras.supervision.alerts import ROOT_EVENTS, STORAGE_ALERTS, STORAGE_RESOLVES
from cameras.supervision.camera_slot import CameraSlot, Hardware
from cameras.supervision.child import CameraChild
from cameras.supervision.command_results import CommandResults
from cameras.supervision.ingest import REJECTED
from cameras.supervision.outbox import Outbox
from cameras.supervision.process_counters import ProcessCounters
from cameras.supervision.usb import UsbBus, UsbIdentity
from core.camera_names import CameraRef
from core.camera_refs import Cameras
from core.events.service import raise_alert, record_event, resolve_alert, resolve_alerts
from core.text.sentences import sentence

SEARCH_S = 1.0
"""Less than SILENCE_S of the recovery policy: the process counts as silent meanwhile."""
Handler = Callable[[CameraSlot, CameraChild, Any], None]
"""Gets a report of the type under which it stands in the table."""


class ProcessMessages:
    """Has no state of its own. Each process is read by its own thread, which writes `hardware` and `faults` of its
    slot."""

    def __init__(
        self,
        slots: Mapping[str, CameraSlot],
        events: EventWriter,
        bus: UsbBus,
        results: CommandResults,
        counters: ProcessCounters,
    ) -> None:
        self._slots, self._events, self._bus = slots, events, bus
        self.handlers: Mapping[ReportType, Handler] = {
            "state": counters.count_report,  # CameraChild keeps the report
            "observed": self.handle_observed,
            "opened": self.handle_opened,
            "faults": self.handle_faults,
            "settings": self.handle_settings,
            "ladder": self.handle_ladder,
            "log": self.handle_log,
            "alert": self.handle_alert,
            "recovered": results.handle_recovered,
            "spooled": results.handle_spooled,
            "answer": results.handle_answer,
        }

    def handle_message(self, child: CameraChild, report: Report) -> None:
        """A report of a type that this version does not know is ignored."""
        handle: Handler = self.handlers.get(report["type"], ignore_report)
        handle(self._slots[child.spec["camera"]], child, report)

    def handle_observed(self, slot: CameraSlot, child: CameraChild, report: ObservedReport) -> None:
        child.observed = (report["observed"], report["reason"])
        self._events.record_observed(slot, *child.observed)

    def handle_opened(self, slot: CameraSlot, child: CameraChild, report: OpenedReport) -> None:
        usb = self._find_usb(slot.usb, report["place"])
        slot.hardware = Hardware(report["identity"], report["place"], usb)
        known = {"usb": asdict(usb)} if usb else {}
        self._events.record_opened(slot.desired.id, {**report["identity"], **known}, report["capabilities"])

    def _find_usb(self, known: UsbIdentity | None, place: str) -> UsbIdentity | None:
        # Where the place is the serial number, the search reads all devices, and may wait for one that is being reset.
        if known is not None and known.serial and known.serial == place:
            return known
        return self._bus.identity_at(place, SEARCH_S) if place else None

    def handle_faults(self, slot: CameraSlot, child: CameraChild, report: FaultsReport) -> None:
        """Keep the remaining faults for its next process."""
        left, struck = report["faults"], report["struck"]
        slot.faults = left
        if struck and struck not in left:
            text = sentence("The fault {struck} of {camera} was used up.", struck=struck, camera=slot.desired)
            self._events.record_event("camera.faults", text, "warning", slot.desired, {"faults": left})

    def handle_settings(self, slot: CameraSlot, child: CameraChild, report: SettingsReport) -> None:
        self._events.record_read_back(slot.desired, report)

    def handle_ladder(self, slot: CameraSlot, child: CameraChild, report: LadderReport) -> None:
        data = {"step": report["step"], "reason": report["reason"]}
        text = sentence("{camera} is closed and reopened: {why}", camera=slot.desired, why=report["message"])
        self._events.record_event("camera.ladder", text, "warning", slot.desired, data)

    def handle_log(self, slot: CameraSlot, child: CameraChild, report: LogReport) -> None:
        kind, message = report["kind"], report["message"]
        # A disk concerns every user, also those who may not see this camera.
        camera = None if kind in ROOT_EVENTS else slot.desired
        self._events.record_event(kind, message, report["level"], camera, {})
        if kind in STORAGE_ALERTS:
            self._events.raise_alert(f"{kind}:{slot.desired.root}", message, "critical", None)
        elif kind == REJECTED:
            self._events.raise_alert(f"{REJECTED}:{slot.desired.slug}", message, "error", slot.desired)
        elif kind in STORAGE_RESOLVES:
            self._events.resolve_alert(f"{STORAGE_RESOLVES[kind]}:{slot.desired.root}")

    def handle_alert(self, slot: CameraSlot, child: CameraChild, report: AlertReport) -> None:
        """Raise an alert of its recorder, or resolve it when the message is empty."""
        if report["message"]:
            slot.alerts.add(report["key"])
            self._events.raise_alert(report["key"], report["message"], "critical", slot.desired)
        else:
            slot.alerts.discard(report["key"])
            self._events.resolve_alert(report["key"])


def ignore_report(_slot: CameraSlot, _child: CameraChild, _report: Report) -> None:
    """Nothing needs to be done."""


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
