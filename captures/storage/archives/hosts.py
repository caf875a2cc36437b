"""Which hosts are away: those of which nothing was observed for as long as an archive waits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db.models import Q

from cameras.models import CameraHost
from core import database_clock
from core.broker import broker
from core.jobs.models import Job
from core.station_settings.values import archive_config

RESTART = timedelta(minutes=1)
"""A host that only restarts is not away."""


def away_hosts(hosts: Iterable[str]) -> set[str]:
    """Those of `hosts` without a heartbeat in the broker that neither renewed their lease in the database nor worked on
    a job lately. None while the broker does not answer: then it is unknown. This host is there."""
    others = sorted(set(hosts) - {settings.STATION.host})
    try:
        with broker.reachable() as server:
            quiet = {host for host in others if not server.exists(broker.key("host", host))}
    except broker.BrokerDown:
        return set()
    now = database_clock.now()
    # A time further ahead is that of a clock which was set back since.
    lately = (now - max(timedelta(seconds=archive_config().wait_s), RESTART), now + RESTART)
    leased = CameraHost.objects.filter(name__in=quiet, leased_until__range=lately).values_list("name", flat=True)
    # The cameras part of a host may be down while its jobs part copies files.
    worked = Q(lease_until__range=lately) | Q(state__in=["done", "failed"], ended_at__range=lately)
    jobs = Job.objects.filter(worked, host__in=quiet).order_by().values_list("host", flat=True).distinct()
    return quiet - set(leased) - set(jobs)


def away_sentence(host: str, problem: str = "") -> str:
    """In the list of what an archive lacks. Without `problem`, how each sentence about this host begins."""
    return f"The host {host} is away: {problem}"
