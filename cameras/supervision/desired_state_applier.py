"""Applies the desired states that were read to the slots, and to the camera processes that run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from cameras.runtime.messages import ConfigureCommand
from cameras.runtime.spec import HeldLease, Recording
from cameras.spool.agenda import Agenda
from cameras.spool.records import StillFormats
from cameras.spool.session_files import DesiredSession
from cameras.supervision.alerts import CameraAlerts
from cameras.supervision.camera_slot import CameraSlot, CameraSlots, Hardware
from cameras.supervision.child import CameraChild
from cameras.supervision.command_results import DESIRED_PREFIX
from cameras.supervision.desired_state import DesiredState, EndedSessions, HostSnapshot
from cameras.supervision.recovery_policy import RestartSchedule

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
