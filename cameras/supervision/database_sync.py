"""The Supervisor's access to the database, on its own thread: ingest, desired states, decided outcomes, events.

While the database is away everything waits here; running cameras continue.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.utils import timezone

from cameras.commands.control import Answer
from cameras.models import Camera
from cameras.spool.records import CaptureRecord, Record
from cameras.spool.recovery import DecidedOutcome
from cameras.spool.storage import read_marker
from cameras.status.reader import LastCapture
from cameras.supervision import orphan_recovery
from cameras.supervision.desired_state import (
    DesiredState,
    desired_states,
    spools_of_moved_cameras,
    spools_on_former_roots,
)
from cameras.supervision.ingest import OpenedSpool, SpoolIngester
from cameras.supervision.ingest_alerts import UnfinishedClips, raise_rejected_alert, resolve_rejected_alerts
from cameras.supervision.lease import NameTaken, renew_lease
from cameras.supervision.outbox import Outbox
from cameras.supervision.outcome_reconciler import OutcomeReconciler, record_answer
from cameras.supervision.readings import store_read_back
from cameras.tables import DECIDED_OUTCOMES, LAST_CAPTURES, RECORDING, resolve
from monitoring.camera_refs import CameraRef
from monitoring.models import Alert
from monitoring.services import raise_alert, record_event, resolve_alert
from monitoring.station_settings import live_streaming_config, station_name

if TYPE_CHECKING:
    from cameras.supervision.camera_slot import CameraSlot, OutstandingCommand
    from cameras.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)
STORAGE_ALERTS = ("storage.unmounted", "storage.failed", "storage.last_floor")
"""Alerts that stay open until the root is opened again. A full disk is an alert of the station's health."""
RESOLVES = {"storage.room": "storage.last_floor"}
"""Kind of event -> the one of STORAGE_ALERTS that it resolves."""
READ_S = 1.0
SWEEP_S = 5.0
LEASE_EVERY_S = 10.0
ALERT_FIELDS = ("key", "severity", "state", "camera", "message")
ANSWER_WAIT_S = 1.0
"""A caller is answered with the record itself when the database has not ingested it after this long."""


@dataclass(slots=True)
class Spooled:
    """A record that waits for the database, and the command that waits for the record."""

    desired: DesiredState
    record: str
    command: str
    since: float
    _claim: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def claim(self) -> bool:
        """True for one caller only: the thread that answers."""
        return bool(self.command) and self._claim.acquire(blocking=False)

    @property
    def answered(self) -> bool:
        return self._claim.locked()


@dataclass(frozen=True, slots=True)
class HostSnapshot:
    """What the database holds of this host's cameras, read at one moment."""

    cameras: Mapping[str, DesiredState]
    is_complete: bool
    """Whether these are all cameras of this host. Without the lease on the host's name there are none."""
    read_at: float
    """When reading started, in time.monotonic()."""
    live: Any
    """The live view settings: `LiveStreamingConfig`."""
    recording: dict[str, Any]
    """The recording settings."""
    last_captures: Mapping[str, LastCapture] = field(default_factory=dict)
    """Of each camera that has one, also from an earlier process or Supervisor."""


class DatabaseSync:
    """Only its thread writes the attributes. Values are replaced whole and never changed in place, so other threads may
    read them at any time, above all `snapshot`. Other threads hand work over through `_spooled`, `_after_ingest` and
    the outbox, and set `_read_now`, which the database thread clears before it reads. `Spooled.claim` decides which
    thread answers a record."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor, self.outcomes = supervisor, OutcomeReconciler(supervisor)
        self.snapshot = HostSnapshot({}, False, 0.0, settings.STATION.live_streaming_config, {})
        self._last_captures: dict[str, LastCapture] = {}
        self._read_last_of: frozenset[str] = frozenset()
        self.station_name = settings.STATION.station.name
        self.open_alerts: list[dict[str, Any]] = []
        self.away_since: float | None = None
        self._unfinished_clips = UnfinishedClips(self._enqueue)
        self._spooled: deque[Spooled] = deque()
        self._after_ingest: deque[Callable[[], None]] = deque()
        self._outbox = Outbox()
        self._work = threading.Event()
        self._stopping = threading.Event()
        self._swept_at = 0.0
        self._leased_at = -LEASE_EVERY_S
        self._read_now = True
        self._thread = threading.Thread(target=self._run, name="database-sync", daemon=True)
        self._late_answers = threading.Thread(target=self._answer_late_callers, name="late-answers", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._late_answers.start()

    def stop(self) -> None:
        """Ingest once more, then end the thread."""
        self._stopping.set()
        self._work.set()
        if self._thread.is_alive():
            self._thread.join(3.0)

    # From other threads

    def read_soon(self) -> None:
        self._read_now = True
        self._work.set()

    def ingest_record(self, desired: DesiredState, record: str, command: str) -> None:
        """Ingest a record of the spool, then answer `command`."""
        self._spooled.append(Spooled(desired, record, command, time.monotonic()))
        self._work.set()

    def call_after_ingest(self, call: Callable[[], None]) -> None:
        """Make a call that answers about records: after the records before it are ingested, or the database is away."""
        if not self._spooled:
            call()
            return
        self._after_ingest.append(call)
        self._work.set()

    def settle_capture(self, capture: str, reason: str, message: str, command: str, content: Answer) -> None:
        """Store the outcome of a capture that never reached a spool, then answer."""
        self._enqueue(functools.partial(self.outcomes.settle_capture, capture, reason, message, command, content))

    def refuse_session(self, session: str, reason: str, message: str) -> None:
        """Store that the camera refused a desired session."""
        self._enqueue(functools.partial(resolve(DECIDED_OUTCOMES["session"]), session, reason, message))

    def record_event(
        self, kind: str, message: str, severity: str, camera: CameraRef | None, data: dict[str, Any]
    ) -> None:
        at = timezone.now()
        self._enqueue(
            functools.partial(record_event, kind, message, severity=severity, camera=camera, data=data, at=at)
        )

    def raise_alert(self, key: str, message: str, severity: str, camera: CameraRef | None) -> None:
        self._enqueue(functools.partial(raise_alert, key, message, severity=severity, camera=camera))

    def resolve_alert(self, key: str) -> None:
        self._enqueue(functools.partial(resolve_alert, key))

    def record_observed(self, camera: CameraRef, observed: str, reason: str) -> None:
        now = timezone.now()
        fields = {"observed": observed, "observed_reason": reason, "observed_at": now}
        self._enqueue(functools.partial(Camera.objects.filter(pk=camera.id).update, **fields))
        text = f"{camera.slug} is {observed}." if not reason else f"{camera.slug} is {observed}: {reason}"
        severity = "warning" if observed in {"reconnecting", "quarantined"} else "info"
        self.record_event("camera.state", text, severity, camera, {"observed": observed})

    def record_opened(self, camera: str, identity: dict[str, Any], capabilities: dict[str, Any]) -> None:
        fields = {"identity": identity, "capabilities": capabilities}
        self._enqueue(functools.partial(Camera.objects.filter(pk=camera).update, **fields))

    def record_read_back(self, camera: CameraRef, message: dict[str, Any]) -> None:
        self._enqueue(functools.partial(store_read_back, str(camera.id), message))
        for warning in message["warnings"]:
            self.record_event(
                "camera.settings", f"{camera.slug}: {warning}", "warning", camera, {"actual": message["actual"]}
            )

    def record_recovery(self, slot: CameraSlot, message: dict[str, Any]) -> None:
        """A new process has recovered the spool: answer the callers whose capture left no trace."""
        self._enqueue(functools.partial(self._record_recovery_event, slot, message))
        self._enqueue(functools.partial(self._ingest_recovered, slot, slot.outstanding.captures()))

    def recover_spool(self, desired: DesiredState, decided: DecidedOutcome | None = None) -> None:
        """Recover the spool of a camera without a process."""
        settled = orphan_recovery.recover_spool(desired, decided)
        if settled is None:
            return
        if settled.rejected:
            self._enqueue(functools.partial(raise_rejected_alert, desired, settled.rejected))
        if desired.part:
            self._unfinished_clips.update_alert(desired, settled)

    def _enqueue(self, call: Callable[[], Any]) -> None:
        self._outbox.add(call)
        self._work.set()

    # The thread

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._run_once()
            self._work.wait(READ_S if self.away_since is None else ANSWER_WAIT_S)
            self._work.clear()
        self._swept_at = 0.0
        self._run_once()  # finds what the last processes left in their spools
        self._run_once()  # and ingests it
        connection.close()

    def _run_once(self) -> None:
        try:
            self._sync()
            self.away_since = None
        except (DatabaseError, OSError) as error:
            self._database_away(error)
        except Exception:
            log.exception("The database thread failed and goes on.")
        while self._after_ingest and (not self._spooled or self.away_since is not None):
            self._send_late_answer(self._after_ingest.popleft())

    def _send_late_answer(self, answer: Callable[[], None]) -> None:
        """An answer that cannot be sent must not end the thread."""
        try:
            answer()
        except Exception:
            log.exception("An answer that waited for records cannot be sent.")

    def _database_away(self, error: Exception) -> None:
        if self.away_since is None:
            self.away_since = time.monotonic()
            log.error("The database cannot be written (%s); records wait in the spool.", error)
        close_old_connections()
        connection.close()
        self._stopping.wait(0.2)

    def _sync(self) -> None:
        while self._spooled:
            self._ingest_next()
        self._outbox.flush()
        now = time.monotonic()
        if self._read_now or now - self.snapshot.read_at >= READ_S:
            self._read(now)
        if now - self._swept_at >= SWEEP_S:
            self._sweep_spools(now)

    def _ingest_next(self) -> None:
        """A spool that cannot be read delays no other: its records wait for the next sweep."""
        try:
            self._ingest(self._spooled[0])
        except OSError as error:
            log.error("The spool of %s cannot be read: %s", self._spooled[0].desired.slug, error)
        self._spooled.popleft()

    def _ingest(self, spooled: Spooled) -> None:
        with OpenedSpool(spooled.desired) as ingester:
            record = ingester.ingest(spooled.record)
            if spooled.claim():
                self.supervisor.send_response(spooled.command, record_answer(record))
            if record is not None:
                if record["kind"] == "capture":
                    self._note_last_capture(spooled.desired.id, record)
                self._remove_record(ingester, spooled.desired.id, record)

    def _remove_record(self, ingester: SpoolIngester, camera: str, record: Record) -> None:
        """Keep the end of a session while a process may have been sent that session: without the session's file it
        would start again. Once that process has recovered, or is gone, the record is ingested again and removed."""
        if record["kind"] == "session" and "settles" in record:
            self.supervisor.mark_session_ended(record["body"]["session"])
            slot = self.supervisor.slots.get(camera)
            if slot is not None and slot.recovers:
                return
        ingester.remove_record(record)

    def _read(self, now: float) -> None:
        """Read the desired states and the open alerts, each second."""
        self._read_now = False
        has_name = self._renew_lease(now)
        cameras = desired_states(self.supervisor.host) if has_name else {}
        live, recording = live_streaming_config(), resolve(RECORDING["settings"])()
        self._read_last_captures([camera for camera in cameras if camera not in self._read_last_of])
        self.snapshot = HostSnapshot(cameras, has_name, now, live, recording, self._last_captures)
        self.station_name = station_name()
        self.supervisor.wake()
        open_ones = Alert.objects.exclude(state=Alert.State.RESOLVED)[:50]
        self.open_alerts = [{name: getattr(alert, name) for name in ALERT_FIELDS} for alert in open_ones]

    def _read_last_captures(self, cameras: list[str]) -> None:
        """Once for each camera; later captures are noted when they are ingested."""
        if cameras:
            found = resolve(LAST_CAPTURES["captures"])(cameras)
            self._last_captures = {**found, **self._last_captures}
            self._read_last_of |= frozenset(cameras)

    def _note_last_capture(self, camera: str, record: CaptureRecord) -> None:
        body = record["body"]
        last = LastCapture(id=record["id"], status=body["outcome"], reason=body["reason"], at=body["ended"])
        known = self._last_captures.get(camera)
        if known is None or known["at"] <= last["at"]:
            self._last_captures = {**self._last_captures, camera: last}
            self.snapshot = replace(self.snapshot, last_captures=self._last_captures)

    def _renew_lease(self, now: float) -> bool:
        """Whether we hold the lease on this host's name. Without it no camera is touched."""
        if now - self._leased_at < LEASE_EVERY_S:
            return True
        try:
            renew_lease(self.supervisor.host)
        except NameTaken as error:
            log.critical("%s", error)
            raise_alert(f"host.taken:{self.supervisor.host}", str(error), severity="critical")
            return False
        self._leased_at = now
        return True

    def _sweep_spools(self, now: float) -> None:
        """Every SWEEP_S: ingest unreported records of all spools, and settle rows that no spool knows of."""
        self._swept_at = now
        snapshot, host = self.snapshot, self.supervisor.host
        desired_states, elsewhere = snapshot.cameras, self._moved_cameras()
        known = {*desired_states, *(desired.id for desired in elsewhere)}
        here = [
            *desired_states.values(),
            *elsewhere,
            *(spools_of_moved_cameras(host, known) if snapshot.is_complete else ()),
        ]
        for desired in here:
            has_process = self._has_process(desired)
            self._sweep_safely(desired, None if has_process else self._recover_spool_of_slot)
            self._sweep_safely(desired.of_clips, None if has_process else self._recover_spool_of_slot)
        former = spools_on_former_roots(host, desired_states)
        for desired in former:
            self._sweep_safely(desired, self.recover_spool)
        resolve_rejected_alerts([*here, *(desired.of_clips for desired in here), *former])
        for slot in self.supervisor.slots.values():
            self.outcomes.settle_lost(slot, slot.outstanding.captures())
        places: dict[str, list[DesiredState]] = {}
        for desired in (*here, *former):
            places.setdefault(desired.id, []).append(desired)
        self.outcomes.settle_overdue(places)

    def _sweep_safely(self, desired: DesiredState, settle: Callable[[DesiredState], None] | None) -> None:
        try:
            self._sweep_spool(desired, settle)
        except OSError as error:
            log.error("The spool of %s cannot be swept: %s", desired.slug, error)

    def _sweep_spool(self, desired: DesiredState, settle: Callable[[DesiredState], None] | None) -> None:
        if read_marker(desired.root_path) != desired.root:
            return
        if settle:
            settle(desired)
        with OpenedSpool(desired) as ingester:
            for record in ingester.waiting_records():
                self.ingest_record(desired, record, "")

    def _recover_spool_of_slot(self, desired: DesiredState) -> None:
        """No process will recover this spool soon."""
        slot = self.supervisor.slots.get(desired.id)
        decided = slot.decided_outcome if slot else None
        self.recover_spool(desired, DecidedOutcome(**decided) if decided else None)

    def _moved_cameras(self) -> list[DesiredState]:
        """Cameras that now have another host and may have left records here."""
        return [desired for desired in [slot.desired for slot in self.supervisor.slots.values()] if desired.elsewhere]

    def _has_process(self, desired: DesiredState) -> bool:
        slot = self.supervisor.slots.get(desired.id)
        return slot is not None and (slot.child is not None or (slot.desired.runs and not slot.quarantined))

    @transaction.atomic
    def _record_recovery_event(self, slot: CameraSlot, message: dict[str, Any]) -> None:
        for what in ("interrupted", "finished"):
            if message[what]:
                text = recovery_message(what, len(message[what]), slot.desired.slug)
                record_event(
                    "spool.recovered", text, severity="warning", camera=slot.desired, data={"ids": message[what]}
                )
        if message["rejected"]:
            raise_rejected_alert(slot.desired, message["rejected"])
        for kind in STORAGE_ALERTS:
            resolve_alert(f"{kind}:{slot.desired.root}")

    def _ingest_recovered(self, slot: CameraSlot, outstanding: Mapping[str, OutstandingCommand]) -> None:
        """A spool that cannot be read waits for the next sweep."""
        commands = {pending.capture: command for command, pending in outstanding.items()}
        try:
            with OpenedSpool(slot.desired) as ingester:
                for record in ingester.waiting_records():
                    command = commands.get(record, "")
                    self.ingest_record(slot.desired, record, command if slot.outstanding.remove(command) else "")
            self.outcomes.settle_lost(slot, outstanding)
        except OSError as error:
            log.error("The recovered spool of %s cannot be read: %s", slot.desired.slug, error)

    def _answer_late_callers(self) -> None:
        """Callers that wait longer than ANSWER_WAIT_S for the database get the record itself: it is already safe."""
        while not self._stopping.wait(0.1):
            for spooled in list(self._spooled):
                late = time.monotonic() - spooled.since > ANSWER_WAIT_S
                if late and spooled.claim():
                    self._try_to_answer(spooled)

    def _try_to_answer(self, spooled: Spooled) -> None:
        try:
            self._answer_with_record(spooled)
        except Exception:
            log.exception("%s cannot be answered with the record %s.", spooled.command, spooled.record)

    def _answer_with_record(self, spooled: Spooled) -> None:
        with OpenedSpool(spooled.desired) as ingester:
            record: Record | None = ingester.read_record(spooled.record)
        self.supervisor.send_response(spooled.command, record_answer(record))


def recovery_message(what: str, count: int, slug: str) -> str:
    """`what` is `interrupted` (the captures failed) or `finished` (their pictures are safe)."""
    captures = f"A capture of {slug} was" if count == 1 else f"{count} captures of {slug} were"
    if what == "finished":
        return f"{captures} finished after the camera's process had ended."
    return f"{captures} interrupted: the camera's process ended before the picture was saved."
