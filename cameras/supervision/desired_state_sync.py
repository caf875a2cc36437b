"""Reads what the host's cameras should do from the database, each second, and applies it to the slots and to the
camera processes that run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from django.conf import settings

from cameras.draining import is_draining
from cameras.runtime.messages import ConfigureCommand
from cameras.runtime.spec import HeldLease, Recording
from cameras.spool.agenda import Agenda
from cameras.spool.records import StillFormats
from cameras.spool.session_files import DesiredSession
from cameras.status.messages import OpenAlert
from cameras.supervision.alerts import CameraAlerts
from cameras.supervision.camera_slot import CameraSlot, CameraSlots, Hardware
from cameras.supervision.camera_status import CaptureTotals, LastCaptures
from cameras.supervision.child import CameraChild
from cameras.supervision.command_results import DESIRED_PREFIX
from cameras.supervision.desired_state import DesiredState, EndedSessions, HostSnapshot, desired_states
from cameras.supervision.lease import HostLease
from cameras.supervision.ports import Waker
from cameras.supervision.recovery_policy import RestartSchedule
from cameras.tables import RECONCILERS, RECORDING
from core.background import log_and_continue
from core.changes import ChangeGate, in_one_transaction, read_again, without_watching
from core.events.models import Alert
from core.outages import DATABASE_AWAY
from core.registry import resolve
from core.station_settings import live_streaming_config, station_name
from core.station_zone import station_zone_name
from core.times.zones import machine_zone_name

READ_S = 1.0
MAX_ALERTS = 50


class DesiredStateReader:
    """Only the database thread reads and replaces `snapshot`, which is never changed in place: any thread may look at
    it, and keeps a consistent one while the database is away. Any thread may call `read_soon`."""

    def __init__(
        self,
        host: str,
        lease: HostLease,
        last_captures: LastCaptures,
        capture_totals: CaptureTotals,
        wake_reader: Waker,
        wake_supervisor: Waker,
    ) -> None:
        self._host, self._lease, self._last_captures, self._capture_totals = host, lease, last_captures, capture_totals
        self._wake_reader, self._wake_supervisor = wake_reader, wake_supervisor
        self._read_now = True
        self._gate, self._looked_at = ChangeGate(), float("-inf")
        station = settings.STATION
        zone = station.site.time_zone or machine_zone_name()
        self.snapshot = HostSnapshot(
            {}, False, 0.0, station.live_streaming_config, {}, station.station.name, time_zone=zone
        )

    def read_soon(self) -> None:
        """Read at once, because a row has changed."""
        self._read_now = True
        self._wake_reader()

    def read_if_due(self, now: float) -> None:
        """`now` is in time.monotonic(). Raises DatabaseError."""
        if self._read_now:
            self._gate.call_now(lambda: self.read(now))
        elif now - self._looked_at >= READ_S:
            self._gate.call(lambda: self.read(now))
        else:
            return
        # Not after an error: the next round reads.
        self._looked_at = now
        # Last, because they are only shown.
        self._capture_totals.read_if_due(self.snapshot.cameras, now)

    def read(self, now: float) -> None:
        """Read the desired states, and wake the Supervisor; then read what is only shown. Raises DatabaseError."""
        # Before the queries: a row that changes during them is read once more.
        self._read_now = False
        has_name = self._lease.hold(now)
        unreconciled = set(RECONCILERS)
        for name, path in RECONCILERS.items() if has_name else ():
            # A fault there must not keep the cameras from their desired states.
            with log_and_continue(name):
                resolve(path)()
                unreconciled.remove(name)
        with in_one_transaction():
            cameras = desired_states(self._host) if has_name else {}
        # What has failed is tried again each second, and so is getting the name.
        read_again(lambda: bool(unreconciled) or any(map(depends_on_time, cameras.values())))
        live, recording = live_streaming_config(), resolve(RECORDING["settings"])()
        # Before the snapshot, so that the first status of a new camera has its last capture. It is only shown: a
        # damaged table must not keep the cameras from their desired states.
        with log_and_continue("last captures", unless=DATABASE_AWAY), without_watching():
            self._last_captures.read_new(cameras)
        # `now` is from before the queries: a command that arrives during them counts as newer than what they found.
        self.snapshot = HostSnapshot(
            cameras,
            has_name,
            now,
            live,
            recording,
            station_name(),
            self.snapshot.open_alerts,
            station_zone_name(),
            is_refused=not has_name,
            database_ahead_s=self._lease.ahead_s,
            is_draining=is_draining(self._host),
        )
        self._wake_supervisor()
        # Last, because they are only shown: if these queries fail or take long, no camera waits for its desired state.
        self.snapshot = replace(self.snapshot, open_alerts=open_alerts())


def depends_on_time(camera: DesiredState) -> bool:
    """Whether a lease, a session or a planned run may begin or end without a write."""
    return bool(camera.lease or camera.session or (camera.agenda and camera.agenda["runs"]))


def open_alerts() -> list[OpenAlert]:
    """The first MAX_ALERTS alerts that are not resolved, as the status of the station shows them."""
    found = Alert.objects.exclude(state=Alert.State.RESOLVED)[:MAX_ALERTS]
    return [
        OpenAlert(key=one.key, severity=one.severity, state=one.state, camera=one.camera, message=one.message)
        for one in found
    ]


SAME_LEASE_S = 0.5
"""The end of a lease is converted each time it is read, with an error of milliseconds. A renewal changes it by more."""


class DesiredStateApplier:
    """Adds the slots and writes their desired states. Only the Supervisor's thread uses it."""

    def __init__(
        self,
        slots: CameraSlots,
        alerts: CameraAlerts,
        ended_sessions: EndedSessions,
        new_schedule: Callable[[], RestartSchedule],
    ) -> None:
        """`new_schedule` makes the restart schedule of a new slot."""
        self._slots, self._alerts, self._ended_sessions = slots, alerts, ended_sessions
        self._new_schedule = new_schedule

    def apply_snapshot(self, snapshot: HostSnapshot) -> None:
        self._slots.read_at = snapshot.read_at
        if snapshot.is_refused:
            self._fence_cameras()
            return
        self._update_slots(snapshot.cameras)
        # Without the lease on the host's name no camera was read, and none has moved.
        if snapshot.is_complete:
            self._release_moved_cameras(snapshot.cameras)

    def _update_slots(self, desired_states: Mapping[str, DesiredState]) -> None:
        for camera, desired in desired_states.items():
            if camera not in self._slots:
                # With the USB identity of its last opening: it is found on the bus before this Supervisor opened it.
                slot = CameraSlot(desired, self._new_schedule(), hardware=Hardware(usb=desired.usb))
                self._slots.add(slot)
                self._alerts.resolve_stale_alerts(slot)
            slot = self._slots[camera]
            session = slot.newest_session(desired, self._slots.read_at, self._ended_sessions)
            self.apply_desired_state(slot, replace(desired, session=session))

    def _fence_cameras(self) -> None:
        """The machine that has this host's name may drive them: their processes finish. Their sessions go on from their
        spools if the name comes back."""
        for slot in self._slots.values():
            self.apply_desired_state(slot, replace(slot.desired, fenced=True))

    def _release_moved_cameras(self, desired_states: Mapping[str, DesiredState]) -> None:
        """Cameras that now belong to another host: their process finishes, and their spool is emptied."""
        for camera, slot in self._slots.items():
            if camera not in desired_states:
                self.apply_desired_state(slot, replace(slot.desired, session=None, elsewhere=True))

    def apply_desired_state(self, slot: CameraSlot, desired: DesiredState) -> None:
        """Apply a new desired state. A process that cannot change to it while running is ended and restarted. What a
        later command has set is left alone."""
        old, slot.desired = slot.desired, desired
        if not desired.runs:
            self._alerts.clear_alerts(slot)
        child, read_at = slot.child, self._slots.read_at
        # The next process starts with these values: `start_process` reads them.
        if child is None or child.ending:
            return
        if not desired.runs or old.place != desired.place:
            child.finish()
            return
        # Compared with what this process was sent, not with `old`: what could not be sent is then tried at each tick.
        if desired.settings != child.desired["settings"] and not slot.commanded_settings.is_newer(read_at):
            send_settings(child, desired.settings)
        if desired.recording != child.desired["recording"] and not slot.commanded_recording.is_newer(read_at):
            send_recording(child, desired.recording)
        send_files(child, desired)
        if desired.agenda is not None and desired.agenda != child.desired["agenda"]:
            send_agenda(child, desired.agenda)
        if not is_same_lease(desired.held_lease, child.desired["lease"]):
            send_lease(child, desired.held_lease)
        if desired.session and is_newer_session(desired.session, child.desired["session"]):
            send_session(child, desired.session)


def send_settings(child: CameraChild, settings: dict[str, Any]) -> None:
    if child.send(ConfigureCommand(type="configure", settings=settings, whole=True)):
        child.desired = {**child.desired, "settings": settings}


def send_recording(child: CameraChild, recording: Recording | None) -> None:
    if child.send(ConfigureCommand(type="configure", recording=recording)):
        child.desired = {**child.desired, "recording": recording}


def send_files(child: CameraChild, desired: DesiredState) -> None:
    """What its files are: their formats, and the site in them."""
    if desired.formats != child.desired["formats"]:
        send_formats(child, desired.formats)
    if desired.site != child.desired["site"]:
        send_site(child, desired.site)


def send_formats(child: CameraChild, formats: StillFormats) -> None:
    if child.send(ConfigureCommand(type="configure", formats=formats)):
        child.desired = {**child.desired, "formats": formats}


def send_site(child: CameraChild, site: dict[str, Any]) -> None:
    if child.send(ConfigureCommand(type="configure", site=site)):
        child.desired = {**child.desired, "site": site}


def send_agenda(child: CameraChild, agenda: Agenda) -> None:
    if child.send(ConfigureCommand(type="configure", agenda=agenda)):
        child.desired = {**child.desired, "agenda": agenda}


def send_lease(child: CameraChild, lease: HeldLease | None) -> None:
    if child.send(ConfigureCommand(type="configure", lease=lease)):
        child.desired = {**child.desired, "lease": lease}


def is_same_lease(one: HeldLease | None, other: HeldLease | None) -> bool:
    if one is None or other is None:
        return one is other
    return one["held_by"] == other["held_by"] and abs(one["until_boot_s"] - other["until_boot_s"]) < SAME_LEASE_S


def send_session(child: CameraChild, session: DesiredSession) -> None:
    """No caller waits for the answer: `CommandResults` handles it."""
    command_id = DESIRED_PREFIX + session["id"]
    if child.send(ConfigureCommand(type="configure", session=session, command_id=command_id)):
        child.desired = {**child.desired, "session": session}


def is_newer_session(session: DesiredSession, known: DesiredSession | None) -> bool:
    return known is None or known["id"] != session["id"] or known["revision"] < session["revision"]
