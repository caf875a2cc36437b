"""Several people take a camera at once: one of them gets the lease."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from cameras.leases import LeaseHeld, acquire_lease
from cameras.models import Camera
from core.events.models import Event
from tests.harness.waiting import PATIENCE_S

PEOPLE = [f"person-{number}" for number in range(8)]


@pytest.mark.django_db(transaction=True)
def test_of_eight_requests_at_once_one_gets_the_lease_and_the_others_are_refused() -> None:
    camera = Camera.objects.create(slug="sky", name="Sky", kind="simulated", host="main")
    together = Barrier(len(PEOPLE))

    def acquire(who: str) -> str:
        together.wait(PATIENCE_S)
        try:
            return acquire_lease(camera, who).held_by
        except LeaseHeld as error:
            return error.holder.held_by
        finally:
            connection.close()

    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        holders = list(pool.map(acquire, PEOPLE))
    camera.refresh_from_db()
    assert set(holders) == {camera.held_by}
    assert Event.objects.filter(kind="camera.taken").count() == 1
