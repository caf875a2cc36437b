"""A host's name is leased in the database, so that two machines never claim one name."""

from __future__ import annotations

import hashlib
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cameras.models import CameraHost
from core.station_settings.values import site_config
from core.station_zone import station_zone_name
from monitoring.models import Alert
from monitoring.services import raise_alert, resolve_alert

log = logging.getLogger(__name__)
LEASE_S = 30
TAKEN = "host.taken:"
RENEW_S = 10.0  # a third of LEASE_S: a short outage of the database does not cost the name


class NameTaken(Exception):
    def __init__(self, host: str) -> None:
        super().__init__(f"Another machine uses the host name {host!r}. Give this one another name: SKYCAM_HOST.")


def this_machine() -> str:
    """Identifies this machine and data folder, independent of the host name."""
    try:
        machine = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except OSError:
        machine = "unknown"
    # With the data folder, which holds the file of `HostLock`: that does not stop another station of this machine.
    return hashlib.sha256(f"{machine}:{settings.STATION.data}".encode()).hexdigest()


def host_site() -> dict[str, Any]:
    """Where this host stands, as JSON. Its time zone has a name also where none is set."""
    return {**site_config().model_dump(mode="json"), "time_zone": station_zone_name()}


@transaction.atomic
def renew_lease(host: str) -> None:
    """Raises NameTaken while another machine's lease is valid."""
    # Locked: of two machines that claim the name at once, the second sees the lease of the first.
    row, _ = CameraHost.objects.select_for_update().get_or_create(name=host)
    ours = this_machine()
    if row.machine not in {"", ours} and row.leased_until and row.leased_until > timezone.now():
        raise NameTaken(host)
    row.machine, row.leased_until = ours, timezone.now() + timedelta(seconds=LEASE_S)
    # The planner works for cameras of all hosts, which may stand at different sites.
    row.site = host_site()
    row.save(update_fields=["machine", "leased_until", "site"])


def raise_taken_alert(host: str, error: NameTaken) -> None:
    """The refused Supervisor repeats this each second."""
    raise_alert(f"{TAKEN}{host}", str(error), camera=None, severity="critical")


def close_taken_alerts() -> None:
    """Close the alerts that no Supervisor has repeated for LEASE_S: it has the name now, has another one, or is off."""
    repeated = timezone.now() - timedelta(seconds=LEASE_S)
    unresolved = Alert.objects.exclude(state=Alert.State.RESOLVED)
    for alert in unresolved.filter(key__startswith=TAKEN, last_seen_at__lt=repeated):
        resolve_alert(alert.key)


class HostLease:
    """This host's lease on its name. Only the database thread uses it."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._renewed_at = -RENEW_S
        self._site: dict[str, Any] = {}

    def hold(self, now: float) -> bool:
        """Whether we hold the lease; renewed every RENEW_S, and once the site has changed. `now` is in
        time.monotonic(). Without the lease no camera is touched, and an alert is raised. Raises DatabaseError."""
        site = host_site()
        if now - self._renewed_at < RENEW_S and site == self._site:
            return True
        try:
            renew_lease(self._host)
        except NameTaken as error:
            log.critical("%s", error)
            raise_taken_alert(self._host, error)
            return False
        self._renewed_at, self._site = now, site
        return True
