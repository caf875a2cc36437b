"""The hosts of the station that a sensor may belong to."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError

from cameras.discovery import service as discovery
from monitoring.models import Sensor


def host_names() -> list[str]:
    """The hosts with cameras, those with sensors, and this one."""
    return sorted({settings.STATION.host, *discovery.host_names(), *present_hosts()})


def present_hosts() -> set[str]:
    """The hosts of the sensors."""
    return set(Sensor.objects.filter(removed_at=None).order_by().values_list("host", flat=True).distinct())


def check_host(host: str) -> None:
    """ValidationError for a host that the station does not have."""
    names = host_names()
    if host not in names:
        raise ValidationError(
            {
                "host": f"There is no host {host[:60]!r}; known are {', '.join(names)}. "
                "A new host is known once `skycam up` has run there."
            }
        )
