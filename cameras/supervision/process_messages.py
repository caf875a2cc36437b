"""Handles the messages of the camera processes, each on the thread that reads its process."""

from __future__ import annotations

import functools
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cameras.commands.messages import Answer
from cameras.supervision.camera_slot import CameraSlot, Hardware
from cameras.supervision.child import CameraChild
from cameras.supervision.database_sync import RESOLVES, STORAGE_ALERTS, DatabaseSync
from cameras.supervision.ingest_alerts import REJECTED

if TYPE_CHECKING:
    from cameras.supervision.supervisor import Supervisor
ROOT_EVENTS = {*STORAGE_ALERTS, *RESOLVES}
"""Kinds of events that concern a whole storage root, not one camera."""
DESIRED_PREFIX = "desired-"
"""Prefix of the command id of a desired session. No caller waits for it: its answer is handled here."""


class ProcessMessages:
    """Has no state of its own. Each process is read by its own thread, which writes `hardware` and `faults` of its
    slot."""

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
        device = self.supervisor.bus.device_at(message["place"]) if message["place"] else None
        usb = device.identity if device else None
        slot.hardware = Hardware(message["identity"], message["place"], usb)
        known = {"usb": asdict(usb)} if usb else {}
        self.database.record_opened(slot.desired.id, {**message["identity"], **known}, message["capabilities"])

    def _on_faults(self, slot: CameraSlot, child: CameraChild, message: dict[str, Any]) -> None:
        """Keep the remaining faults for its next process."""
        left, struck = message["faults"], message["struck"]
        slot.faults = left
        if struck and struck not in left:
            text = f"The fault {struck} of {slot.desired.slug} was used up."
            self.database.record_event("camera.faults", text, "warning", slot.desired, {"faults": left})

    def _on_settings(self, slot: CameraSlot, child: CameraChild, message: dict[str, Any]) -> None:
        self.database.record_read_back(slot.desired, message)

    def _on_ladder(self, slot: CameraSlot, child: CameraChild, message: dict[str, Any]) -> None:
        data = {"step": message["step"], "reason": message["reason"]}
        text = f"{slot.desired.slug} is closed and reopened: {message['message']}"
        self.database.record_event("camera.ladder", text, "warning", slot.desired, data)

    def _on_log(self, slot: CameraSlot, child: CameraChild, message: dict[str, Any]) -> None:
        camera = None if message["kind"] in ROOT_EVENTS else slot.desired
        self.database.record_event(message["kind"], message["message"], message["level"], camera, {})
        if message["kind"] in STORAGE_ALERTS:
            self.database.raise_alert(f"{message['kind']}:{slot.desired.root}", message["message"], "critical", None)
        elif message["kind"] == REJECTED:
            self.database.raise_alert(f"{REJECTED}:{slot.desired.slug}", message["message"], "error", slot.desired)
        elif message["kind"] in RESOLVES:
            self.database.resolve_alert(f"{RESOLVES[message['kind']]}:{slot.desired.root}")

    def _on_alert(self, slot: CameraSlot, child: CameraChild, message: dict[str, Any]) -> None:
        """Raise an alert of its recorder, or resolve it when the message is empty."""
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
            answer = functools.partial(self.supervisor.send_response, message["command_id"], content)
            self.database.call_after_ingest(answer)

    def _on_desired_session_answer(self, message: dict[str, Any]) -> None:
        """A session that the camera refused must not stay planned. If only its storage root is unavailable, the process
        keeps the session and starts it later."""
        kept = message.get("problem") == "camera-not-reachable" and message["reason"] in {"root_missing", "write_error"}
        if not message["ok"] and not kept:
            session = message["command_id"].removeprefix(DESIRED_PREFIX)
            self.database.refuse_session(session, message["reason"], message["detail"])
