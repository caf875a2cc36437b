"""Handles the messages of the camera processes, each on the thread that reads its process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from cameras.runtime.messages import (
    AlertReport,
    FaultsReport,
    LadderReport,
    LogReport,
    ObservedReport,
    OpenedReport,
    Report,
    ReportType,
    SettingsReport,
)
from cameras.supervision.alerts import ROOT_EVENTS, STORAGE_ALERTS, STORAGE_RESOLVES
from cameras.supervision.camera_slot import CameraSlot, Hardware
from cameras.supervision.child import CameraChild
from cameras.supervision.command_results import CommandResults
from cameras.supervision.event_writer import EventWriter
from cameras.supervision.ingest import REJECTED
from cameras.supervision.process_counters import ProcessCounters
from cameras.supervision.usb import UsbBus, UsbIdentity
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
