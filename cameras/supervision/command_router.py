"""Takes the commands for this host's cameras from the broker's list `camera.<host>`, on its own thread, and routes
them to the parts of the Supervisor and to the camera processes: late and repeated ones are dropped, captures are sent
at once, and the rest is queued. A list and not a Celery task: Celery cost 4 ms and as much processor time for each
command, and its consumer took seconds to hear again after the broker was away. docs/decisions/commands.md has the
figures."""

from __future__ import annotations

import json
import logging
import queue
import time
from collections.abc import Callable, Mapping
from typing import Any

from cameras.commands.messages import (
    Answer,
    Command,
    ConfigureArguments,
    DetectCommand,
    FaultsAnswer,
    FaultsCommand,
    ReconcileCommand,
    RecordArguments,
    SessionArguments,
)
from cameras.supervision.camera_slot import CameraSlot, CameraSlots, Commanded, OutstandingCommand
from cameras.supervision.child import CameraChild
from cameras.supervision.command_results import ReconcileWaiters
from cameras.supervision.ports import AnswerSink, Liveness, OutcomeSink, Snapshots, Waker
from cameras.supervision.recovery_steps import Quarantine
from core.broker import broker
from core.camera_names import CameraName
from core.retrying_thread import RetryingThread
from core.text.sentences import join_sentences, sentence

log = logging.getLogger(__name__)

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


LONGEST_S = 60.0
"""No command may be started this long after it was sent."""
# Must exceed the captures of LONGEST_S: 54 a second were measured (docs/decisions/commands.md), so 3,240.
REMEMBERED_COMMANDS = 10_000
Arrival = tuple[Command, float]
"""A command, and when it arrived, in time.monotonic()."""


class CommandIntake:
    """Only the command queue's thread uses it. `waiting` is read by the Supervisor's thread."""

    def __init__(
        self,
        slots: Mapping[str, CameraSlot],
        sender: CommandSender,
        outcomes: OutcomeSink,
        waiting: queue.Queue[Arrival],
        wake: Waker,
        remembered: int = REMEMBERED_COMMANDS,
    ) -> None:
        """`wake` wakes the Supervisor's thread. The ids of the newest `remembered` captures are kept."""
        self._remembered = remembered
        self._slots, self._sender, self._outcomes, self._waiting, self._wake = slots, sender, outcomes, waiting, wake
        self._seen_captures: dict[str, None] = {}
        self._began = time.monotonic()

    def route_command(self, command: Command, now_ms: int) -> None:
        """A command past its deadline is dropped. A capture goes to a ready process at once; the Supervisor's thread
        handles everything else. `now_ms` is Redis TIME. Raises DatabaseError while the database is away."""
        # The clocks of two machines may differ, the broker's is one. After this, only durations are used.
        remaining_ms = command["deadline_ms"] - now_ms
        if remaining_ms <= 0:
            log.info(
                "The command %s for %s arrived after its deadline and was dropped.", command["order"], command["slug"]
            )
            return
        command["arguments"]["remaining_ms"] = remaining_ms
        if command["order"] == "capture":
            if self._is_duplicate(command["arguments"]["id"]):
                return
            # On this thread, so that no capture waits for the Supervisor's next tick.
            slot = self._slots.get(command["camera"])
            # Read once: the Supervisor's thread may replace the process at any time.
            child = slot.child if slot else None
            if slot and child and self._sender.refusal(command, slot, child) is None:
                self._sender.send_command(command, slot, child)
                return
        self._waiting.put((command, time.monotonic()))
        self._wake()

    def _is_duplicate(self, capture: str) -> bool:
        """An id is exposed once, however often its command arrives. Captures of an earlier Supervisor have their
        outcome in the database, and after LONGEST_S none of their commands can arrive any more."""
        if capture in self._seen_captures:
            return True
        self._seen_captures[capture] = None
        if len(self._seen_captures) > self._remembered:
            del self._seen_captures[next(iter(self._seen_captures))]
        return time.monotonic() - self._began < LONGEST_S and self._outcomes.is_settled(capture)


class CommandRouter:
    """Only the Supervisor's thread uses it; the command queue's thread fills `waiting`."""

    def __init__(
        self,
        slots: CameraSlots,
        waiting: queue.Queue[Arrival],
        sender: CommandSender,
        waiters: ReconcileWaiters,
        quarantine: Quarantine,
        answers: AnswerSink,
        request_discovery: Callable[[str], None],
        read_soon: Waker,
    ) -> None:
        """`read_soon` makes the database thread read the desired states at once."""
        self._slots, self._waiting, self._sender, self._waiters = slots, waiting, sender, waiters
        self._quarantine, self._answers = quarantine, answers
        self._request_discovery, self._read_soon = request_discovery, read_soon
        self._early: list[Arrival] = []
        self._host_commands: Mapping[str, Callable[[Any, float], None]] = {
            "detect": self._discover,
            "reconcile": self._reconcile,
        }
        """For these, the camera need not be known."""
        self._slot_commands: Mapping[str, Callable[[Any, CameraSlot], None]] = {"faults": self._set_faults}
        """For these, no process need run. All other commands go to the camera's process."""

    def route_waiting(self) -> None:
        """Route early and queued commands, then answer callers that wait for a state."""
        # Taken out first, because `route` puts back those that are still early.
        early, self._early = self._early, []
        # Before the queued ones, which came later: of two settings or recordings the last one stays.
        for command, since in early:
            self.route(command, since)
        while not self._waiting.empty():
            self.route(*self._waiting.get())
        self._waiters.answer_settled()

    def route(self, command: Command, since: float) -> None:
        """`since` is the arrival time, in time.monotonic()."""
        waited_ms = round((time.monotonic() - since) * 1000)
        if waited_ms > command["arguments"]["remaining_ms"]:
            return
        if handle_on_host := self._host_commands.get(command["order"]):
            handle_on_host(command, since)
            return
        slot = self._slots.get(command["camera"])
        if self._is_early(slot, since):
            self._early.append((command, since))
            return
        # Only here, where it leaves the router: an early command comes back with the time of its arrival.
        command["arguments"]["remaining_ms"] -= waited_ms
        if slot is not None and (handle := self._slot_commands.get(command["order"])):
            handle(command, slot)
        else:
            self._send_or_refuse(command, slot)

    def _is_early(self, slot: CameraSlot | None, since: float) -> bool:
        """Whether its camera was just added, so that its row is not read yet or its first process not started."""
        if slot is None and self._slots.read_at < since:
            self._read_soon()
            return True
        return slot is not None and slot.is_first_start

    def _discover(self, command: DetectCommand, since: float) -> None:
        self._request_discovery(command["command_id"])

    def _reconcile(self, command: ReconcileCommand, since: float) -> None:
        """A row has changed: read it, and answer once the camera is in its desired state."""
        self._read_soon()
        if slot := self._slots.get(command["camera"]):
            self._quarantine.retry_now(slot)
        self._waiters.add(command, since)

    def _set_faults(self, command: FaultsCommand, slot: CameraSlot) -> None:
        """Set the faults of a simulated camera, or answer with the present ones when none are given. Its next process
        starts with them. Clearing them ends a quarantine, as a repair would."""
        wanted = command["arguments"].get("faults")
        if wanted is None:
            self._answers.send_response(command["command_id"], Answer(ok=True, body=FaultsAnswer(faults=slot.faults)))
            return
        slot.faults = wanted
        if not wanted and slot.quarantined:
            self._quarantine.release(slot, "the end of its faults")
        if slot.child is not None and not slot.child.ending:
            self._sender.send_command(command, slot, slot.child)
        else:
            self._answers.send_response(command["command_id"], Answer(ok=True, body=FaultsAnswer(faults=wanted)))

    def _send_or_refuse(self, command: Command, slot: CameraSlot | None) -> None:
        child = slot.child if slot else None
        refusal = self._sender.refusal(command, slot, child)
        if refusal is not None or slot is None or child is None:
            self._sender.refuse_command(command, refusal or "")
        else:
            self._sender.send_command(command, slot, child)


# Less than ANSWER_S of the connection, which would take a longer wait for a broker that hangs.
BLOCK_S = 1.0
AWAY_S = 0.5
"""Pause before the broker is tried again."""
NAME_S = 0.1
"""Pause while it is not known whether this machine has the host's name."""


class CommandQueue:
    """`liveness` is when it last read the list. While one command takes long, no other is received."""

    def __init__(
        self, host: str, route_command: Callable[[Command, int], None], liveness: Liveness, snapshots: Snapshots
    ) -> None:
        """`route_command` gets a command and when it was fetched, in Redis TIME."""
        self._name, self._route_command, self._liveness = broker.key(f"camera.{host}"), route_command, liveness
        self._snapshots = snapshots
        self._thread = RetryingThread("command-queue", self._run_once)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Commands in the list stay there; their deadlines decide whether they are still carried out."""
        self._thread.stop(BLOCK_S + 1.0)

    def _run_once(self) -> None:
        self._liveness.beat()
        # The list is that of the machine that has this host's name. Who has it is known once the database was read.
        if self._snapshots.snapshot.is_refused or not self._snapshots.snapshot.read_at:
            self._thread.pause(NAME_S)
            return
        try:
            self._receive_command()
        except broker.UNREACHABLE:
            self._thread.pause(AWAY_S)

    def _receive_command(self) -> None:
        # Together, because each capture waits for this round trip. The broker reads its clock once the list had an
        # entry, or after BLOCK_S.
        pipe = broker.connection().pipeline(transaction=False)
        pipe.blpop([self._name], timeout=BLOCK_S)
        pipe.time()
        found, now = pipe.execute()
        if found:
            # A command that fails here is lost. The planned row of a capture then ends as not_started.
            self._route_command(json.loads(found[1]), broker.milliseconds(now))
