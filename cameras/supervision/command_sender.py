"""Sends a command to the process of its camera, or refuses it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from cameras.commands.messages import Answer, Command, ConfigureArguments, RecordArguments, SessionArguments
from cameras.supervision.camera_slot import CameraSlot, Commanded, OutstandingCommand
from cameras.supervision.child import CameraChild
from cameras.supervision.ports import AnswerSink, OutcomeSink, Snapshots
from core.camera_names import CameraName
from core.text.sentences import join_sentences, sentence

Note = Callable[[CameraSlot, CameraChild, Any], None]
"""Gets the arguments of the command under which it stands in the table."""


class CommandSender:
    """Has no state of its own; it notes in the slot what was commanded. The Supervisor's thread uses it, and for
    captures, of which nothing is noted, the command queue's thread."""

    def __init__(self, host: str, snapshots: Snapshots, outcomes: OutcomeSink, answers: AnswerSink) -> None:
        self._host, self._snapshots, self._outcomes, self._answers = host, snapshots, outcomes, answers
        self._notes: Mapping[str, Note] = {
            "start": note_session,
            "stop": note_session,
            "configure": note_settings,
            "record": self._note_recording,
        }

    def refusal(self, command: Command, slot: CameraSlot | None, child: CameraChild | None) -> str | None:
        """Why no command can be sent to the process `child` now; None when it can."""
        camera, slug = camera_of(command), command["slug"]
        if slot is None or slot.desired.elsewhere:
            template = "The host {host} does not know {camera}. Try again in a moment."
            return sentence(template, host=self._host, camera=camera)
        if not slot.desired.enabled:
            template = "{camera} is disabled. Enable it first: `skycam cameras set {slug} --enabled`."
            return sentence(template, camera=camera, slug=slug)
        if not slot.desired.connected:
            template = "{camera} is disconnected. Connect it first: `skycam connect {slug}`."
            return sentence(template, camera=camera, slug=slug)
        if slot.quarantined:
            return sentence("{camera} is in quarantine. {why}", camera=camera, why=slot.quarantined)
        if child is None or child.ending:
            started = sentence("The process of {camera} is being started again.", camera=camera)
            return join_sentences([started, slot.observed[1]])
        return None

    def send_command(self, command: Command, slot: CameraSlot, child: CameraChild) -> None:
        """Outstanding before it is sent, so that a process that ends meanwhile leaves no caller without an answer."""
        order, arguments = command["order"], command["arguments"]
        capture = command["arguments"]["id"] if command["order"] == "capture" else None
        slot.outstanding.add(command["command_id"], OutstandingCommand(capture, child))
        if note := self._notes.get(order):
            note(slot, child, arguments)
        sent = child.send_user_command(order, command["command_id"], arguments)
        # A capture stays outstanding: once its process has ended, `settle_lost` decides by the spool.
        if not sent and capture is None and slot.outstanding.remove(command["command_id"]):
            template = "The process of {camera} has just ended and is being started again."
            self.refuse_command(command, sentence(template, camera=camera_of(command)))

    def refuse_command(self, command: Command, detail: str) -> None:
        """No process got the command, so the outcome of a planned capture is decided here."""
        content = Answer(ok=False, problem="camera-not-reachable", reason="camera_unreachable", detail=detail)
        if command["order"] == "capture":
            capture = command["arguments"]["id"]
            self._outcomes.settle_capture(capture, "camera_unreachable", detail, command["command_id"], content)
        else:
            self._answers.send_response(command["command_id"], content)

    def _note_recording(self, slot: CameraSlot, child: CameraChild, arguments: RecordArguments) -> None:
        """The requested recording with this host's configuration; the requesting host may have another one."""
        requested = arguments["recording"]
        recording: Any = {**requested, **self._snapshots.snapshot.recording} if requested else None
        arguments["recording"] = recording
        slot.commanded_recording = Commanded(recording, time.monotonic())
        # The applier compares with this, so it does not send the same again.
        child.desired = {**child.desired, "recording": recording}


def camera_of(command: Command) -> CameraName:
    return CameraName(command["camera"], command["slug"])


def note_session(slot: CameraSlot, _child: CameraChild, arguments: SessionArguments) -> None:
    slot.commanded_session = Commanded(arguments["session"], time.monotonic())


def note_settings(slot: CameraSlot, child: CameraChild, arguments: ConfigureArguments) -> None:
    """`settings` are added to the known ones, unless they are the whole."""
    known = {} if arguments.get("whole") else child.desired["settings"]
    slot.commanded_settings = Commanded({**known, **arguments.get("settings", {})}, time.monotonic())
    child.desired = {**child.desired, "settings": slot.commanded_settings.value}
