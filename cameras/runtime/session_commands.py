"""Applies the desired states of sessions that commands bring."""

from __future__ import annotations

from cameras.programmes.cycle import rehearsal_of
from cameras.runtime.agenda_runs import AgendaRuns
from cameras.runtime.camera_holders import CameraHolders
from cameras.runtime.device import Device
from cameras.runtime.messages import SessionStatus
from cameras.runtime.session_resumption import SessionResumption
from cameras.runtime.session_runner import SessionRunner
from cameras.runtime.session_starts import SessionStarts
from cameras.runtime.spec import HeldLease
from cameras.runtime.still_queue import StillQueue
from cameras.spool.agenda import Agenda
from cameras.spool.records import UsedSettings
from cameras.spool.session_files import DesiredSession

WRITE_OUT_S = 4.0
"""Seconds that the still thread may take to finish writing."""


class SessionCommands:
    """Used by the camera loop's thread."""

    def __init__(
        self,
        runner: SessionRunner,
        resumption: SessionResumption,
        agenda: AgendaRuns,
        holders: CameraHolders,
        starts: SessionStarts,
        device: Device,
        stills: StillQueue,
    ) -> None:
        self._runner, self._resumption, self._agenda, self._holders = runner, resumption, agenda, holders
        self._starts, self._device, self._stills = starts, device, stills

    def apply(self, desired: DesiredSession) -> SessionStatus:
        """First waits until the previous capture is counted, so that the answer includes it. A new session opens the
        camera if needed: it records what will be used before its first exposure. SessionBusy, CameraError, OSError."""
        self._stills.drain(WRITE_OUT_S)
        is_new = desired["desired"] == "running" and not self._runner.has_session(desired["id"])
        used: UsedSettings = {}
        # If it does not open, the session starts all the same, and what it misses is a gap.
        if is_new and self._device.ensure_open():
            used = self._device.settings.rehearse(rehearsal_of(desired["programme"]))
        answer = self._runner.apply_desired_session(desired, used)
        self._starts.report_records()
        return answer

    def replace_agenda(self, agenda: Agenda) -> None:
        """Store the agenda durably. OSError."""
        self._agenda.replace(agenda)

    def defer_agenda(self, agenda: Agenda) -> None:
        """The storage root is not open: it is stored when it is."""
        self._agenda.defer(agenda)

    def replace_lease(self, lease: HeldLease | None) -> None:
        """A planned run that is due waits for its end, or takes the camera over."""
        self._holders.replace_lease(lease)

    def defer(self, desired: DesiredSession) -> None:
        """The storage root is not open: it is applied when it is."""
        self._resumption.defer_session(desired)
