"""Two machines never drive the cameras of one host's name."""

from __future__ import annotations

import dataclasses
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cameras.models import CameraHost
from cameras.supervision.host_identity import (
    IDENTITY_FILE,
    HostIdentity,
    InvalidInstallation,
    local_identity,
    renew_installation,
)
from cameras.supervision.lease import (
    LEASE_S,
    RENEW_S,
    CopyRefused,
    HostLease,
    LeaseLost,
    NameTaken,
    acquire_lease,
    raise_taken_alert,
    reserve_name,
)
from core import database_clock
from core.broker import broker
from core.events.models import Alert
from core.jobs.claims import claim_next
from core.jobs.services import enqueue
from core.jobs.tables import Lane
from core.versions import PROTOCOL, SCHEMA
from monitoring.tasks import check_health

pytestmark = pytest.mark.django_db
HERE = HostIdentity(installation="ours", place="here", boot_id="today", machine="old")
COPY = dataclasses.replace(HERE, place="there")
REBOOTED = dataclasses.replace(HERE, place="there", boot_id="tomorrow")
OTHER = HostIdentity(installation="theirs", place="there", boot_id="other", machine="another")


def other_machine(left_s: float) -> None:
    CameraHost.objects.create(
        name="dome", machine="another", installation="theirs", place="there", address="10.77.0.4",
        started_at="2026-03-01T20:05:00Z", leased_until=timezone.now() + timedelta(seconds=left_s),
    )  # fmt: skip


def acquire(identity: HostIdentity) -> int:
    return acquire_lease("dome", identity, timezone.now())


def let_lease_end() -> None:
    CameraHost.objects.update(leased_until=timezone.now() - timedelta(seconds=1))


def test_a_free_name_is_leased_for_half_a_minute() -> None:
    before = timezone.now()
    acquire(HERE)
    until = CameraHost.objects.get(name="dome").leased_until
    assert until is not None
    assert before + timedelta(seconds=LEASE_S) <= until <= timezone.now() + timedelta(seconds=LEASE_S)


def test_the_row_says_which_machine_holds_the_name() -> None:
    acquire(HERE)
    row = CameraHost.objects.get(name="dome")
    assert (row.installation, row.place, row.boot_id, row.machine) == ("ours", "here", "today", "old")
    assert (row.schema, row.protocol, row.clock_offset_s) == (SCHEMA, PROTOCOL, 0.0)
    assert row.address
    assert row.started_at is not None


def test_a_supervisor_that_was_killed_is_replaced_at_once_with_a_newer_epoch() -> None:
    assert acquire(HERE) == 1
    assert acquire(HERE) == 2


def test_a_preparation_beside_a_supervisor_leaves_its_epoch() -> None:
    acquire(HERE)
    reserve_name("dome", HERE)
    assert CameraHost.objects.get().epoch == 1


def test_a_name_leased_by_another_machine_is_refused_with_its_address_and_advice() -> None:
    other_machine(left_s=3600)
    expected = "uses the host name 'dome' at 10.77.0.4, since 2026-03-01 20:05 UTC. Give this one another name: SKYCAM"
    with pytest.raises(NameTaken, match=expected):
        acquire(HERE)
    assert CameraHost.objects.get().installation == "theirs"


def test_a_copy_is_refused_while_the_other_runs_and_learns_the_way_out() -> None:
    acquire(HERE)
    CameraHost.objects.update(address="10.77.0.4")
    expected = "This machine is a copy of the host 'dome' at 10.77.0.4, since .* `skycam hosts new-identity NAME`"
    with pytest.raises(CopyRefused, match=expected):
        acquire(COPY)


def test_a_copy_that_was_only_given_another_name_is_refused() -> None:
    acquire(HERE)
    with pytest.raises(CopyRefused, match="a copy of the host 'dome'"):
        acquire_lease("roof", COPY, None)
    assert acquire_lease("roof", HERE, None) == 1


@pytest.mark.parametrize("identity", [COPY, OTHER])
def test_a_lease_that_has_ended_is_taken_over(identity: HostIdentity) -> None:
    acquire(HERE)
    let_lease_end()
    assert acquire(identity) == 2


def test_a_machine_of_a_database_in_a_file_that_was_booted_does_not_wait() -> None:
    acquire(HERE)
    assert acquire(REBOOTED) == 2


def test_a_machine_that_is_cut_off_from_the_database_alone_keeps_its_name(valkey: redis.Redis) -> None:
    other_machine(left_s=-1)
    valkey.set(broker.key("host", "dome"), "{}")
    with pytest.raises(NameTaken):
        acquire(HERE)
    valkey.delete(broker.key("host", "dome"))
    assert acquire(HERE) == 1


@pytest.mark.parametrize("machine", ["", "old"])
def test_a_host_of_the_version_before_is_adopted_at_once(machine: str) -> None:
    until = timezone.now() + timedelta(hours=1)
    CameraHost.objects.create(name="dome", machine=machine, leased_until=until)
    assert acquire(HERE) == 1
    assert CameraHost.objects.get().installation == "ours"


def test_a_running_host_of_the_version_before_on_another_machine_keeps_its_name() -> None:
    CameraHost.objects.create(name="dome", machine="another", leased_until=timezone.now() + timedelta(hours=1))
    with pytest.raises(NameTaken):
        acquire(HERE)


@pytest.mark.parametrize(("silent_s", "state"), [(0.0, "open"), (LEASE_S + 5, "resolved")])
def test_the_alert_of_a_name_in_use_closes_when_no_machine_repeats_it(silent_s: float, state: str) -> None:
    raise_taken_alert("dome", LeaseLost("dome"))
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
    CameraHost.objects.update(leased_until=None)
    lease.hold(RENEW_S - 1)
    assert CameraHost.objects.get().leased_until is None
    lease.hold(RENEW_S)
    assert CameraHost.objects.get().leased_until is not None


def lost_lease() -> HostLease:
    lease = HostLease("dome")
    lease.hold(0.0)
    let_lease_end()
    acquire(OTHER)
    return lease


def test_a_host_whose_name_was_acquired_writes_nothing_in_it() -> None:
    lease = lost_lease()
    with pytest.raises(LeaseLost), transaction.atomic():
        lease.check()
    assert not lease.is_held


def test_a_host_whose_name_was_acquired_does_not_renew_its_lease() -> None:
    lease = lost_lease()
    assert not lease.hold(RENEW_S)
    assert CameraHost.objects.get().installation == "theirs"


def test_a_host_that_holds_its_name_may_write() -> None:
    lease = HostLease("dome")
    lease.hold(0.0)
    lease.check()
    assert lease.is_held


def test_a_name_that_a_host_of_the_version_before_acquired_is_lost() -> None:
    lease = HostLease("dome")
    lease.hold(0.0)
    CameraHost.objects.update(machine="another")
    with pytest.raises(LeaseLost):
        lease.check()


@pytest.mark.parametrize(("installation", "is_ours"), [("theirs", False), ("", True)])
def test_jobs_of_a_host_whose_name_another_machine_has_stay_with_that_one(
    installation: str, is_ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_clock, "is_shared", lambda: True)
    monkeypatch.setattr(database_clock, "_ask", timezone.now)
    CameraHost.objects.create(name="dome", installation=installation, place="there")
    enqueue("integrity", "dome", camera=None)
    found = [claim_next("dome", "worker", lane) for lane in Lane]
    assert any(found) == is_ours


def test_a_clean_stop_leaves_the_name_free() -> None:
    lease = HostLease("dome")
    lease.hold(0.0)
    lease.release()
    assert acquire(OTHER) == 2


def test_an_identity_is_made_once_and_readable_by_its_owner_alone(data_folder: Path) -> None:
    assert local_identity() == local_identity()
    assert oct((data_folder / IDENTITY_FILE).stat().st_mode & 0o777) == "0o600"


def test_a_copy_of_a_data_folder_has_the_same_installation_at_another_place(data_folder: Path, tmp_path: Path) -> None:
    original = local_identity()
    shutil.copy(data_folder / IDENTITY_FILE, tmp_path / "copy")
    (tmp_path / "copy").replace(data_folder / IDENTITY_FILE)
    copy = local_identity()
    assert copy.installation == original.installation
    assert copy.place != original.place


def test_a_copy_gets_an_installation_of_its_own(data_folder: Path) -> None:
    before = local_identity().installation
    assert renew_installation(data_folder) == local_identity().installation != before


def test_an_id_that_is_damaged_is_never_replaced(data_folder: Path) -> None:
    (data_folder / IDENTITY_FILE).write_text("")
    with pytest.raises(InvalidInstallation, match="Restore it, or remove it"):
        local_identity()


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"data": folder}))
    return folder
