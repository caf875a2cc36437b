"""A machine whose clock is off, at the database of DATABASE_URL: `SECONDS`. Prints as JSON what it finds."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django
from django.db import connection
from django.utils import timezone


def main(off_s: float) -> None:
    real_time, real_now = time.time, timezone.now
    setattr(time, "time", lambda: real_time() + off_s)  # noqa: B010
    setattr(timezone, "now", lambda: real_now() + timedelta(seconds=off_s))  # noqa: B010
    django.setup()
    print(json.dumps({name: ask() for name, ask in QUESTIONS.items()}))


def takes_name() -> bool:
    from cameras.supervision.host_identity import local_identity
    from cameras.supervision.lease import NameTaken, acquire_lease

    try:
        acquire_lease("dome", local_identity(), timezone.now())
    except NameTaken:
        return False
    return True


def takes_job() -> int:
    from core.jobs.claims import recover_lost

    return recover_lost("dome")


def lease_left_s() -> int:
    """How long a camera process believes that its camera is held, by a lease with 20 s left."""
    from cameras.leases import Lease, LeaseHolder
    from cameras.supervision.desired_state import held_lease
    from core import database_clock
    from core.camera_names import CameraName

    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() + interval '20 s'")
        [until] = cursor.fetchone()
    lease = Lease(LeaseHolder(CameraName("", "sim"), "anna", until), until, "")
    return round(held_lease(lease)["until_boot_s"] - database_clock.boot_s())


def closes_alert() -> int:
    """Whether it closes the alert of a host that has just found its name taken."""
    from cameras.supervision.lease import close_taken_alerts
    from core.events.models import Alert

    close_taken_alerts()
    return Alert.objects.filter(state="resolved").count()


def ends_silence() -> int:
    """Whether it ends a silence that another machine made for 20 s."""
    from monitoring.models import AlertSilence
    from monitoring.notifications.silences import end_expired_silences

    end_expired_silences()
    return AlertSilence.objects.exclude(ended_at=None).count()


def ends_sign_in() -> int:
    """Whether it removes a browser's session that has 20 s left."""
    from django.contrib.sessions.models import Session

    from skycam_project.access.services import remove_sessions

    remove_sessions()
    return 1 - Session.objects.count()


def moves_camera() -> bool:
    from cameras.models import CameraHost
    from core import database_clock

    return not CameraHost.objects.filter(name="dome", leased_until__gte=database_clock.now()).exists()


def takes_channel() -> int:
    from monitoring.webhooks.deliveries import release_lost_leases

    return release_lost_leases()


def estimates() -> float:
    """How far its estimate of the database's time is off."""
    from core import database_clock

    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        [there] = cursor.fetchone()
    return abs(float((database_clock.estimate() - there).total_seconds()))


def measures() -> float:
    from core import database_clock

    return round(database_clock.measure_offset().ahead_s)


def job_is_due() -> bool:
    from core.jobs.claims import claim_next
    from core.jobs.services import enqueue
    from core.jobs.tables import Lane

    job, _ = enqueue("integrity", "attic", camera=None)
    return any(found.pk == job.pk for lane in Lane if (found := claim_next("attic", "w", lane)) is not None)


QUESTIONS: dict[str, Callable[[], Any]] = {
    "takes_name": takes_name, "takes_job": takes_job, "moves_camera": moves_camera, "takes_channel": takes_channel,
    "estimates": estimates, "measures": measures, "job_is_due": job_is_due, "lease_left_s": lease_left_s,
    "closes_alert": closes_alert, "ends_silence": ends_silence, "ends_sign_in": ends_sign_in,
}  # fmt: skip


if __name__ == "__main__":
    main(float(sys.argv[1]))
