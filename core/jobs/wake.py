"""Celery messages that make a host's jobs worker search for jobs at once. Without a broker it finds them itself."""

from __future__ import annotations

import logging

import redis
from django.conf import settings
from kombu.exceptions import OperationalError

from core import database_clock
from core.broker.queues import jobs_queue
from core.jobs.claims import is_due, is_lost
from core.jobs.models import Job
from core.registry import resolve

log = logging.getLogger(__name__)
TASK = "core.wake_jobs"
QUICK = {"socket_timeout": 1.0, "max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2}
"""Otherwise kombu tries to connect for some seconds, and waits for a broker that hangs."""
EXPIRES_S = 60.0
"""A host that was away longer searches when it starts."""


def wake_host(host: str) -> bool:
    """Returns whether the message was sent. It replaces those that still wait, so that they do not pile up for a host
    that is gone. Takes about a second while the broker does not answer."""
    app = resolve(settings.CELERY_APP)
    try:
        with app.connection_for_write(transport_options=QUICK) as connection:
            # Not atomic with the sending: another sender's message may be purged, but ours, which replaces it, does
            # the same.
            connection.default_channel.queue_purge(jobs_queue(host))
            app.send_task(
                TASK,
                queue=jobs_queue(host),
                expires=EXPIRES_S,
                ignore_result=True,
                connection=connection,
                retry=False,
            )
    # For a broker that is away Celery and kombu raise the first two (measured with Celery 5.7); the purge raises
    # those of redis-py itself.
    except (OperationalError, RuntimeError, OSError, redis.RedisError) as error:
        log.info("The jobs worker of %s could not be woken: %s", host, error)
        return False
    return True


def wake_hosts_with_jobs() -> list[str]:
    """Wake each host that has a job to run, or one whose lease has ended. Returns these hosts."""
    now = database_clock.now()
    # Without the default order, for which the database would sort rows whose host alone is read.
    hosts = sorted(set(Job.objects.filter(is_due(now) | is_lost(now)).order_by().values_list("host", flat=True)))
    for host in hosts:
        # The broker is away: each further host would take another second to fail.
        if not wake_host(host):
            break
    return hosts
