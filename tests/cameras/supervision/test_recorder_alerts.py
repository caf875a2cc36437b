"""The alerts of a killed recorder are resolved once its camera should not run any more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameras.supervision.supervisor import Host
from captures.storage.retention.cleanup import ClipCleanup
from core.events.models import Alert
from tests.harness.rows.archive import Archive
from tests.harness.rows.clip_archive import configured
from tests.harness.supervision.hosts import assembled
from tests.harness.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.django_db
KEY = "recording.failed:sim"


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """A camera that should record on a disk that never has enough space."""
    configured(monkeypatch, soft_floor_gb=1_000_000, hard_floor_gb=900_000)
    (tmp_path / "root").mkdir()
    archive = Archive(tmp_path / "root")
    desired(archive, recording="rolling")
    return archive


def desired(archive: Archive, **fields: Any) -> None:
    type(archive.camera).objects.filter(pk=archive.camera.pk).update(**fields)


def supervised(folder: Path) -> Iterator[Host]:
    with assembled(folder) as host:
        yield host


@pytest.fixture
def host(tmp_path: Path, archive: Archive, quick_processes: None) -> Iterator[Host]:
    yield from supervised(tmp_path)


@pytest.fixture
def successor(tmp_path: Path, archive: Archive) -> Iterator[Host]:
    yield from supervised(tmp_path)


def is_open(host: Host, key: str = KEY) -> bool:
    """Whether the alert is open, after one run of its threads."""
    host.data.reader.read_soon()
    host.database.sync()
    host.supervisor.tick()
    return Alert.objects.filter(key=key).exclude(state=Alert.State.RESOLVED).exists()


def killed(host: Host) -> None:
    eventually(lambda: is_open(host))
    [slot] = host.slots.values()
    assert slot.child is not None
    slot.child.kill()
    slot.child.wait(PATIENCE_S)


def test_an_alert_of_a_recorder_that_was_killed_ends_with_its_camera(archive: Archive, host: Host) -> None:
    killed(host)
    desired(archive, enabled=False)
    eventually(lambda: not is_open(host))


def test_an_alert_of_a_recorder_ends_when_its_worker_was_killed_too(
    archive: Archive, host: Host, successor: Host
) -> None:
    killed(host)
    desired(archive, enabled=False)
    eventually(lambda: not is_open(successor))


def test_a_clip_that_a_recorder_rejects_is_an_alert_that_outlives_it(archive: Archive, host: Host) -> None:
    spool = archive.spool / "clips"
    spool.mkdir(parents=True)
    (spool / "0193a000-0000-7000-8000-000000000001.plan").write_text("{")
    eventually(lambda: is_open(host, "spool.rejected:sim"))
    desired(archive, enabled=False)
    eventually(lambda: is_open(host, "spool.rejected:sim") and host.slots[str(archive.camera.pk)].child is None)
    assert is_open(host, "spool.rejected:sim")


def test_a_recorder_learns_that_no_clip_can_be_deleted_and_records_no_rolling_one(
    archive: Archive, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(monkeypatch, soft_floor_gb=1_000_000, hard_floor_gb=0)
    eventually(lambda: not is_open(host) and archive.spool.exists())
    ClipCleanup("main").run()
    eventually(lambda: is_open(host))
    assert "they are pinned or held" in Alert.objects.get(key=KEY, state=Alert.State.OPEN).message
