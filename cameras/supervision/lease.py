"""A host's name is leased in the database, so that two machines never drive the cameras of one name.

docs/decisions/lease.md says who may acquire it, and what holds for a host that is cut off.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from cameras.models import CameraHost
from cameras.supervision.host_identity import HostIdentity, local_address, local_identity
from core import database_clock
from core.broker import broker
from core.changes import ChangeGate, in_one_transaction, without_notice
from core.events.models import Alert
from core.events.service import raise_alert, resolve_alert
from core.station_settings import site_config
from core.station_zone import station_zone_name
from core.stations.models import StationRecord
from core.versions import PROTOCOL, SCHEMA, SKYCAM, version_problem

log = logging.getLogger(__name__)
LEASE_S = 30
TAKEN = "host.taken:"
RENEW_S = 10.0  # a third of LEASE_S: a short outage of the database does not cost the name


class NameTaken(Exception):
    """Another machine uses this host's name."""

    def __init__(self, row: CameraHost) -> None:
        self.leased_until = row.leased_until
        super().__init__(self.describe(row))

    def describe(self, row: CameraHost) -> str:
        return (
            f"Another machine uses the host name {row.name!r}{whereabouts(row)}. "
            "Give this one another name: SKYCAM_HOST."
        )


class CopyRefused(NameTaken):
    """The machine that uses this host's name has the same installation: one of the two is a copy."""

    def describe(self, row: CameraHost) -> str:
        return (
            f"This machine is a copy of the host {row.name!r}{whereabouts(row)}, which still runs. Give this one a "
            "name and an identity of its own: `skycam hosts new-identity NAME`."
        )


class NameRetired(NameTaken):
    """The host was retired, so no machine has its name."""

    def __init__(self, row: CameraHost) -> None:
        super().__init__(row)
        by = f" by {row.retired_by}" if row.retired_by else ""
        way = f"`skycam hosts invite {row.name} --again`, or give it another name: SKYCAM_HOST."
        self.args = (f"The host {row.name!r} was retired{by}. Invite this machine again on the main machine: {way}",)


class LeaseLost(Exception):
    """Another machine has acquired this host's name: nothing may be written, and no camera driven, in its name."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"Another machine has acquired the host name {host!r}: nothing is written in its name here, and its "
            "cameras are closed. Records wait in the spool."
        )


def whereabouts(row: CameraHost) -> str:
    """` at ADDRESS, since TIME`, as far as they are known."""
    found = f" at {row.address}" if row.address else ""
    return found + (f", since {row.started_at:%Y-%m-%d %H:%M} UTC" if row.started_at else "")


def host_site() -> dict[str, Any]:
    """Where this host stands, as JSON. Its time zone has a name also where none is set."""
    return {**site_config().model_dump(mode="json"), "time_zone": station_zone_name()}


def reserve_name(host: str, identity: HostIdentity) -> None:
    """Before the Supervisor starts: lease the name for this place, or keep it leased. A Supervisor that runs here keeps
    its epoch. Raises NameTaken while another place holds it."""
    with transaction.atomic():
        row, is_ours = _claimed_row(host, identity)
        if is_ours:
            CameraHost.objects.filter(pk=host).update(**_renewed())
        else:
            _write_acquired(row, identity, started_at=None)


@transaction.atomic
def acquire_lease(host: str, identity: HostIdentity, started_at: datetime | None) -> int:
    """For a Supervisor that started at `started_at`; returns its epoch. Raises NameTaken while another place holds the
    name."""
    row, _ = _claimed_row(host, identity)
    return _write_acquired(row, identity, started_at)


def _claimed_row(host: str, identity: HostIdentity) -> tuple[CameraHost, bool]:
    """The host's row, locked, and whether it is leased to this place already. NameTaken."""
    # A copy that was only given another name would take the storage roots of the original.
    original = CameraHost.objects.filter(installation=identity.installation, leased_until__gt=database_clock.now())
    if (row := original.exclude(name=host).exclude(place=identity.place).first()) is not None:
        raise CopyRefused(row)
    # Locked: of two machines that claim the name at once, the second sees the lease of the first.
    row, _ = CameraHost.objects.select_for_update().get_or_create(name=host)
    if row.retired_at is not None:
        raise NameRetired(row)
    if is_here(row, identity):
        return row, True
    is_copy = row.installation == identity.installation and row.place != identity.place
    if is_copy and not database_clock.is_shared() and row.boot_id != identity.boot_id:
        return row, False  # no other machine reaches a file of this one: it was booted since
    if is_held(row) or (row.leased_until is not None and still_beats(host)):
        raise (CopyRefused if is_copy else NameTaken)(row)
    return row, False


def is_here(row: CameraHost, identity: HostIdentity) -> bool:
    """Whether the row was last written from this place: a Supervisor that was killed has left its lease behind."""
    if not row.installation:
        # Of the version before, or new.
        return row.machine in {"", identity.machine}
    # The machine, too: a host of the version before leaves the new columns as they are.
    return (row.installation, row.place, row.machine) == (identity.installation, identity.place, identity.machine)


def is_name_lost(host: str) -> bool:
    """Whether another place has acquired the host's name, so that no part of this machine may work in it. Where the
    database is a file of this machine, no other can have it."""
    if not database_clock.is_shared():
        return False
    row = CameraHost.objects.filter(pk=host).first()
    return row is not None and bool(row.installation) and not is_here(row, local_identity())


def is_held(row: CameraHost) -> bool:
    return row.leased_until is not None and row.leased_until > database_clock.read_now()


def still_beats(host: str) -> bool:
    """Whether a host whose lease has ended still sends heartbeats: it is cut off from the database alone, and drives
    its cameras. False when the broker does not answer, because then it is unknown."""
    try:
        return bool(broker.connection().exists(broker.key("host", host)))
    except broker.UNREACHABLE:
        return False


def _renewed() -> dict[str, Any]:
    """What each renewal writes. The database counts from its own clock."""
    offset = database_clock.measure_offset()
    return {
        "leased_until": database_clock.now() + timedelta(seconds=LEASE_S),
        "clock_offset_s": round(offset.ahead_s, 6), "clock_offset_at": offset.at,
        # The planner works for cameras of all hosts, which may stand at different sites.
        "site": host_site(),
        "version": SKYCAM, "schema": SCHEMA, "protocol": PROTOCOL,
        "file_server": settings.STATION.files.announced(local_address()),
    }  # fmt: skip


def _write_acquired(row: CameraHost, identity: HostIdentity, started_at: datetime | None) -> int:
    epoch = row.epoch + 1
    CameraHost.objects.filter(pk=row.pk).update(
        machine=identity.machine, installation=identity.installation, place=identity.place, boot_id=identity.boot_id,
        address=local_address(), started_at=started_at, epoch=epoch, **_renewed(),
    )  # fmt: skip
    return epoch


def raise_taken_alert(host: str, error: Exception) -> None:
    """The refused Supervisor repeats this each second."""
    raise_alert(f"{TAKEN}{host}", str(error), camera=None, severity="critical")


def close_taken_alerts() -> None:
    """Close the alerts that no Supervisor has repeated for LEASE_S: it has the name now, has another one, or is off."""
    repeated = database_clock.now() - timedelta(seconds=LEASE_S)
    unresolved = Alert.objects.exclude(state=Alert.State.RESOLVED)
    for alert in unresolved.filter(key__startswith=TAKEN, last_seen_at__lt=repeated):
        resolve_alert(alert.key)


class HostLease:
    """This host's lease on its name. Only the database thread uses it."""

    def __init__(self, host: str) -> None:
        self._host, self._started_at = host, timezone.now()
        self._identity: HostIdentity | None = None
        self._renewed_at = -RENEW_S
        self._site: Mapping[str, Any] = {}
        self._site_gate = ChangeGate()
        self.epoch: int | None = None
        """The fencing token; None before the name is acquired, and once it is lost."""
        self.ahead_s: float | None = None
        """How far this machine's clock is ahead of the database's; None until it is measured."""
        self.version_problem = ""
        """Why the version of this host must not write to the station's database; empty while it may."""

    @property
    def is_held(self) -> bool:
        """Whether the name was ours when the database was last asked."""
        return self.epoch is not None

    def hold(self, now: float) -> bool:
        """Whether we hold the lease; renewed every RENEW_S, and once the site has changed. `now` is in
        time.monotonic(). Without the lease no camera is touched, and an alert is raised. Raises DatabaseError."""
        site = self._site_gate.call(host_site) or self._site
        if self.is_held and now - self._renewed_at < RENEW_S and site == self._site:
            return True
        try:
            with without_notice(), in_one_transaction():
                version = self._found_version()
                self._acquire_or_renew()
        except (NameTaken, LeaseLost) as error:
            log.critical("%s", error)
            raise_taken_alert(self._host, error)
            return False
        self._renewed_at, self._site = now, site
        self._check_version(version)
        return True

    def check(self) -> None:
        """Within the transaction that writes in the host's name: raises LeaseLost when another has acquired it since.
        No other can, until the transaction ends. DatabaseError."""
        if not self.is_held or not self._is_current():
            self._lose()

    def release(self) -> None:
        """At a clean stop: the next one need not wait. DatabaseError."""
        if self.is_held:
            self._rows.update(leased_until=database_clock.now())
            self.epoch = None

    @property
    def _rows(self) -> Any:
        # With the column of the version before, whose host does not raise the epoch when it acquires the name.
        return CameraHost.objects.filter(pk=self._host, epoch=self.epoch or 0, machine=self._own.machine)

    @property
    def _own(self) -> HostIdentity:
        # Read once: a Supervisor stays what it was when it started.
        if self._identity is None:
            self._identity = local_identity()
        return self._identity

    def _found_version(self) -> tuple[int, int] | None:
        record = StationRecord.objects.filter(pk=1).first()
        return (record.schema, record.protocol) if record else None

    def _check_version(self, station: tuple[int, int] | None) -> None:
        """The main machine may have been updated since this host started."""
        self.version_problem = version_problem(self._host, SCHEMA, PROTOCOL, station)
        if self.version_problem:
            log.critical("%s", self.version_problem)

    def _acquire_or_renew(self) -> None:
        if not self.is_held:
            self.epoch = acquire_lease(self._host, self._own, self._started_at)
        elif not self._rows.update(**_renewed()):
            self._lose()
        self.ahead_s = CameraHost.objects.get(pk=self._host).clock_offset_s if database_clock.is_shared() else None

    def _lose(self) -> None:
        self.epoch = None
        raise LeaseLost(self._host)

    def _is_current(self) -> bool:
        if not database_clock.is_shared():
            return bool(self._rows.exists())  # in SQLite, the transaction that writes is the only one
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM cameras_camerahost WHERE name = %s AND epoch = %s AND machine = %s FOR SHARE",
                [self._host, self.epoch, self._own.machine],
            )
            return cursor.fetchone() is not None
