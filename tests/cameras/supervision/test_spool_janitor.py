"""The sweeps of the spools: recovery without a process, and the alerts about what is left in them."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from cameras.spool.storage import MARKER
from cameras.supervision.ingest import raise_unreadable_alert
from cameras.supervision.supervisor import Host, build_host
from core.events.models import Alert
from tests.harness.rows.archive import Archive

pytestmark = pytest.mark.django_db


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return build_host(tmp_path)


@pytest.mark.parametrize("part", ["", "clips"])
def test_a_rejected_record_in_a_spool_without_a_process_raises_an_alert(
    archive: Archive, host: Host, part: str
) -> None:
    spool = archive.spool / part
    spool.mkdir(parents=True)
    (spool / "0193a000-0000-7000-8000-000000000001.plan").write_text("{")
    host.data.janitor.recover_spool(archive.desired().of_clips if part else archive.desired())
    host.database.sync()
    [alert] = Alert.objects.all()
    assert alert.key == "spool.rejected:sim"
    assert alert.severity == "error"
    assert alert.camera == "sim"


CLIP = "0193a000-0000-7000-8000-000000000002"


def opened(kind: str) -> list[str]:
    """Messages of the unresolved alerts of this kind."""
    alerts = Alert.objects.filter(key=f"{kind}:sim").exclude(state=Alert.State.RESOLVED)
    return list(alerts.values_list("message", flat=True))


def sweep(host: Host) -> None:
    host.data.reader.read_soon()
    host.data.janitor.sweep_soon()
    host.database.sync()
    host.data.outbox.flush()


def test_the_alert_of_rejected_records_is_resolved_once_they_are_removed(archive: Archive, host: Host) -> None:
    type(archive.camera).objects.update(enabled=False)
    (archive.spool / "clips").mkdir(parents=True)
    for folder in (archive.spool, archive.spool / "clips"):
        (folder / f"{CLIP}.plan").write_text("{")
    sweep(host)
    seen = []
    for folder in (archive.spool, archive.spool / "clips"):
        sweep(host)
        seen.append(len(opened("spool.rejected")))
        (folder / "rejected" / f"{CLIP}.plan").unlink()
    sweep(host)
    assert seen == [1, 1]
    assert opened("spool.rejected") == []


def test_the_alert_of_rejected_records_stays_while_their_root_is_absent(archive: Archive, host: Host) -> None:
    type(archive.camera).objects.update(enabled=False)
    archive.spool.mkdir(parents=True)
    (archive.spool / f"{CLIP}.plan").write_text("{")
    sweep(host)
    (archive.spool / "rejected").rename(archive.folder / "away")
    (archive.folder / MARKER).unlink()
    sweep(host)
    assert len(opened("spool.rejected")) == 1


@pytest.mark.parametrize("part", ["", "clips"])
def test_the_alert_of_an_unreadable_record_is_resolved_once_it_is_gone(archive: Archive, host: Host, part: str) -> None:
    type(archive.camera).objects.update(enabled=False)
    spool = archive.spool / part
    spool.mkdir(parents=True)
    # To read a folder is an error, for root as well.
    (spool / f"{CLIP}.done").mkdir()
    desired = archive.desired().of_clips if part else archive.desired()
    raise_unreadable_alert(desired, CLIP, OSError(errno.EIO, "Input/output error"))
    sweep(host)
    before = opened("spool.unreadable")
    (spool / f"{CLIP}.done").rmdir()
    sweep(host)
    assert len(before) == 1
    assert opened("spool.unreadable") == []


def test_the_alert_of_an_unreadable_record_stays_while_its_root_is_absent(archive: Archive, host: Host) -> None:
    sweep(host)
    raise_unreadable_alert(archive.desired(), CLIP, OSError(errno.EIO, "Input/output error"))
    (archive.folder / MARKER).unlink()
    sweep(host)
    assert len(opened("spool.unreadable")) == 1


def left_clip(archive: Archive) -> None:
    """A committed clip of a camera without a process; a symbolic link is in its place in the archive."""
    type(archive.camera).objects.update(enabled=False)
    spool, part = archive.spool / "clips", f"{CLIP}.clip.part"
    spool.mkdir(parents=True)
    (spool / part).write_bytes(b"mp4")
    file = {"kind": "clip", "bytes": 3, "sha256": "", "part": part, "path": f"clips/{CLIP}.mp4", "width": 2}
    record = {"kind": "clip", "id": CLIP, "camera": "", "slug": "sim", "root": "", "files": [file], "body": {}}
    (spool / f"{CLIP}.json").write_text(json.dumps(record))
    (archive.folder / "clips").symlink_to(archive.folder / ".spool")


def test_an_unfinished_clip_in_a_spool_without_a_process_is_an_alert_and_logged_once(
    archive: Archive, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    left_clip(archive)
    for _ in range(3):
        sweep(host)
    [message] = opened("recording.left")
    assert message.startswith("A clip of sim")
    assert "Not a directory" in message
    assert len([one for one in caplog.records if "clip" in one.getMessage().lower()]) == 1


def test_the_alert_of_an_unfinished_clip_is_resolved_once_it_is_finished(archive: Archive, host: Host) -> None:
    left_clip(archive)
    sweep(host)
    host.data.events.resolve_alert("recording.left:sim")  # as the end of a recorder's alerts would
    sweep(host)
    before = len(opened("recording.left"))
    (archive.folder / "clips").unlink()
    sweep(host)
    assert before == 1
    assert opened("recording.left") == []


def test_the_alert_of_an_unfinished_clip_is_resolved_once_it_is_removed(archive: Archive, host: Host) -> None:
    left_clip(archive)
    sweep(host)
    for path in (archive.spool / "clips").glob(f"{CLIP}*"):
        path.unlink()
    sweep(host)
    assert opened("recording.left") == []
