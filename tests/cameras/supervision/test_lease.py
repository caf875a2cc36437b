"""Two machines never claim one host's name."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cameras.models import CameraHost
from cameras.supervision.lease import LEASE_S, RENEW_S, HostLease, NameTaken, raise_taken_alert, renew_lease
from monitoring.models import Alert
from monitoring.tasks import check_health

pytestmark = pytest.mark.django_db


def other_machine(left_s: float) -> None:
    CameraHost.objects.create(name="dome", machine="another", leased_until=timezone.now() + timedelta(seconds=left_s))


def test_a_free_name_is_leased_for_half_a_minute() -> None:
    before = timezone.now()
    renew_lease("dome")
    until = CameraHost.objects.get(name="dome").leased_until
    assert before + timedelta(seconds=LEASE_S) <= until <= timezone.now() + timedelta(seconds=LEASE_S)


def test_this_machines_lease_is_renewed() -> None:
    renew_lease("dome")
    renew_lease("dome")
    assert CameraHost.objects.count() == 1


def test_a_name_leased_by_another_machine_is_refused_with_advice() -> None:
    other_machine(left_s=3600)
    with pytest.raises(NameTaken, match="SKYCAM_HOST"):
        renew_lease("dome")
    assert CameraHost.objects.get().machine == "another"


def test_an_expired_lease_is_taken_over() -> None:
    other_machine(left_s=-1)
    renew_lease("dome")
    assert CameraHost.objects.get().machine != "another"


@pytest.mark.parametrize(("silent_s", "state"), [(0.0, "open"), (LEASE_S + 5, "resolved")])
def test_the_alert_of_a_name_in_use_closes_when_no_machine_repeats_it(silent_s: float, state: str) -> None:
    raise_taken_alert("dome", NameTaken("dome"))
    Alert.objects.update(last_seen_at=timezone.now() - timedelta(seconds=silent_s))
    check_health()
    assert Alert.objects.get(key="host.taken:dome").state == state


def test_a_host_name_that_another_machine_uses_raises_an_alert() -> None:
    other_machine(left_s=3600)
    assert not HostLease("dome").hold(0.0)
    assert Alert.objects.get().key == "host.taken:dome"


def test_a_lease_is_renewed_only_when_it_is_due() -> None:
    lease = HostLease("dome")
    lease.hold(0.0)
    CameraHost.objects.update(machine="another")
    assert lease.hold(RENEW_S - 1) is True
    assert lease.hold(RENEW_S) is False
