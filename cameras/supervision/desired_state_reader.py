"""Reads what the host's cameras should do from the database, each second, for all other threads."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings

from cameras.draining import is_draining
from cameras.status.messages import OpenAlert
from cameras.supervision.camera_status import CaptureTotals, LastCaptures
from cameras.supervision.desired_state import DesiredState, HostSnapshot, desired_states
from cameras.supervision.lease import HostLease
from cameras.supervision.ports import Waker
from cameras.tables import RECONCILERS, RECORDING
from core.background import log_and_continue
from core.changes.gate import ChangeGate, in_one_transaction, read_again, without_watching
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
