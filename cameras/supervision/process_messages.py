"""What the camera processes say, each on its reader's thread."""

from __future__ import annotations

import functools
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cameras.control import Answer
from cameras.supervision.camera_slot import CameraSlot, Hardware
from cameras.supervision.child import CameraChild
from cameras.supervision.database_sync import OVER, STORAGE_ALERTS, DatabaseSync
from cameras.supervision.ingest_alerts import REJECTED

if TYPE_CHECKING:
    from cameras.supervision.supervisor import Supervisor
OF_A_ROOT = {*STORAGE_ALERTS, *OVER}
"""Kinds of events that are about a whole storage root, and so about no camera."""
DESIRED_PREFIX = "desired-"
"""Before a session's id: the command of a desired session that nobody waits for. Its answer is heard here and goes no
further."""


class ProcessMessages:
    """Has no state of its own. Each process has a thread that reads it; of a slot it writes `hardware` and `faults`."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor

    @property
    def database(self) -> DatabaseSync:
        return self.supervisor.database

    def handle_message(self, child: CameraChild, message: dict[str, Any]) -> None:
        slot = self.supervisor.slots[child.spec["camera"]]
        handler = getattr(self, f"_on_{message['type']}", None)
        if handler is not None:
            handler(slot, child, message)

    def _on_observed(self, slot: CameraSlot, child: CameraChild, message: dict[str, Any]) -> None:
        child.observed = (message["observed"], message["reason"])
        self.supervisor.record_observed(slot, *child.observed)

    def _on_opened(self, slot: CameraSlot, child: CameraChild, message: dict[str, Any]) -> None:
        device = self.supervisor.bus.at(message["place"]) if message["place"] else None
        usb = device.identity if device else None
        slot.hardware = Hardware(message["identity"], message["place"], usb)
        known = {"usb": asdict(usb)} if usb else {}
        self.database.record_opened(slot.desired.id, {**message["identity"], **known}, message["capabilities"])

    def _on_faults(self, slot: CameraSlot, child: CameraChild, message: dict[str, Any]) -> None:
        """Its next process begins with what is left of its faults."""
        left, struck = message["faults"], message["struck"]
        slot.faults = left
        if struck and struck not in left:
            text = f"The fault {struck} of {slot.desired.slug} was used up."
            self.database.record_event("camera.faults", text, "warning", slot.desired, {"faults": left})

    def _on_settings(self, slot: CameraSlot, child: CameraChild, message: dict[str, Any]) -> None:
        self.database.record_read_back(slot.desired, message)

    def _on_ladder(self, slot: CameraSlot, child: CameraChild, message: dict[str, Any]) -> None:
        data = {"step": message["step"], "reason": message["reason"]}
        text = f"{slot.desired.slug} is closed and opened again: {message['message']}"
        self.database.record_event("camera.ladder", text, "warning", slot.desired, data)

    def _on_log(self, slot: CameraSlot, child: CameraChild, message: dict[str, Any]) -> None:
        camera = None if message["kind"] in OF_A_ROOT else slot.desired
        self.database.record_event(message["kind"], message["message"], message["level"], camera, {})
        if message["kind"] in STORAGE_ALERTS:
            self.database.raise_alert(f"{message['kind']}:{slot.desired.root}", message["message"], "critical", None)
        elif message["kind"] == REJECTED:
            self.database.raise_alert(f"{REJECTED}:{slot.desired.slug}", message["message"], "error", slot.desired)
        elif message["kind"] in OVER:
            self.database.resolve_alert(f"{OVER[message['kind']]}:{slot.desired.root}")

    def _on_alert(self, slot: CameraSlot, child: CameraChild, message: dict[str, Any]) -> None:
        """Something that its recorder says, or with no message that it is over."""
        if message["message"]:
            slot.alerts.add(message["key"])
            self.database.raise_alert(message["key"], message["message"], "critical", slot.desired)
        else:
            slot.alerts.discard(message["key"])
            self.database.resolve_alert(message["key"])

    def _on_recovered(self, slot: CameraSlot, child: CameraChild, message: dict[str, Any]) -> None:
        child.has_recovered = True
        self.database.record_recovery(slot, message)

    def _on_spooled(self, slot: CameraSlot, child: CameraChild, message: dict[str, Any]) -> None:
        command = message.get("command_id", "")
        slot.outstanding.remove(command)
        self.database.ingest_record(
            slot.desired.of_clips if message.get("part") else slot.desired, message["id"], command
        )

    def _on_answer(self, slot: CameraSlot, child: CameraChild, message: dict[str, Any]) -> None:
        if message["command_id"].startswith(DESIRED_PREFIX):
            self._on_desired_session_answer(message)
            return
        slot.outstanding.remove(message["command_id"])
        body = message.get("body", {})
        if "faults" in body:
            slot.faults = body["faults"]
        if "recorder" in body:
            child.state = {**child.state, "recorder": body["recorder"]}
            self.supervisor.status_publisher.publish_status(slot)
        content = Answer(ok=message["ok"])
        for name in ("body", "problem", "reason", "detail"):
            if name in message:
                content[name] = message[name]
        if message.get("unstarted") and "id" in message:
            self.database.settle_capture(
                message["id"], message["reason"], message["detail"], message["command_id"], content
            )
        else:
            answer = functools.partial(self.supervisor.send_answer, message["command_id"], content)
            self.database.call_after_ingest(answer)

    def _on_desired_session_answer(self, message: dict[str, Any]) -> None:
        """A session that the camera would not begin must not stay planned. Where the root is not there, the process
        keeps the desired session for when it is."""
        kept = message.get("problem") == "camera-not-reachable" and message["reason"] in {"root_missing", "write_error"}
        if not message["ok"] and not kept:
            session = message["command_id"].removeprefix(DESIRED_PREFIX)
            self.database.refuse_session(session, message["reason"], message["detail"])
