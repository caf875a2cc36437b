"""The check of the storage: missing, untracked and mismatching files, and what is done about untracked ones."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from cameras.spool.storage import make_root
from captures.models import CaptureFile, Clip, IntegrityFinding, StorageRoot
from captures.recordings.recorder.encoding import Encoder
from captures.storage.integrity import check
from captures.storage.integrity.check import check_integrity, csv_lines
from captures.storage.integrity.decisions import FindingRefused, adopt, set_aside
from core.events.models import Event
from core.jobs.context import JobContext, ProgressMessage
from tests.harness.camera_processes.recorded_clips import RECORDING
from tests.harness.kills.killed_job import KILLED, exit_status
from tests.harness.rows.captures import file_of, saved
from tests.harness.rows.cards import taken_picture
from tests.harness.rows.clip_archive import ClipArchive

pytestmark = pytest.mark.django_db


@pytest.fixture
def archive(tmp_path: Path) -> ClipArchive:
    return ClipArchive(tmp_path)


def context(job: str = "first", checkpoint: dict[str, Any] | None = None, **arguments: Any) -> JobContext:
    return JobContext(job, arguments, checkpoint, "boss", lambda message: None)


def checked(job: str = "first", **arguments: Any) -> dict[str, Any]:
    return check_integrity(context(job, **arguments))


def untracked(archive: ClipArchive, path: str, content: bytes = b"content") -> Path:
    """A file without a row, which nothing has changed for an hour."""
    file = archive.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


@pytest.fixture(autouse=True)
def files_settle_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test cannot set the time at which a file's row of the disk was changed."""
    monkeypatch.setattr(check, "SETTLED_S", -1.0)


def kinds() -> list[tuple[str, str]]:
    found = IntegrityFinding.objects.filter(state="open").order_by("kind", "path")
    return [(finding.kind, finding.path) for finding in found]


def test_a_storage_in_order_has_no_findings(archive: ClipArchive) -> None:
    archive.clips(3)
    file_of(saved(archive.camera), archive.root, host="main")
    assert checked() == {"rows": 4, "files": 4, "problems": [], "missing": 0, "untracked": 0, "mismatching": 0}


def test_the_records_of_a_telescopes_nights_need_no_row(archive: ClipArchive) -> None:
    for name in ("log.obs", "scheduler.bin"):
        untracked(archive, f"telescope/quest/2026-01-15/{name}")
    assert checked()["untracked"] == 0


def test_missing_untracked_and_mismatching_files_are_found(archive: ClipArchive) -> None:
    first, second, _ = archive.clips(3)
    (archive.folder / first.path).unlink()
    (archive.folder / second.path).write_bytes(b"longer than its row")
    untracked(archive, "captures/sim/2026/a.jpg")
    result = checked()
    assert (result["missing"], result["untracked"], result["mismatching"]) == (1, 1, 1)
    assert kinds() == [
        ("mismatching", second.path),
        ("missing", first.path),
        ("untracked", "captures/sim/2026/a.jpg"),
    ]
    assert IntegrityFinding.objects.get(kind="untracked").camera == archive.camera


def test_a_change_of_the_content_is_found_by_its_hash_alone(archive: ClipArchive) -> None:
    file = file_of(saved(archive.camera), archive.root, host="main")
    path = archive.folder / file.path
    path.write_bytes(bytes(file.bytes))
    assert checked()["mismatching"] == 0
    assert checked("second", hash=True)["mismatching"] == 1


def test_a_content_that_cannot_be_read_is_not_called_changed(archive: ClipArchive) -> None:
    path = archive.folder / archive.clip(0, size=10).path
    path.unlink()
    path.symlink_to("0123456789")
    checked(hash=True)
    assert IntegrityFinding.objects.get().message.startswith("Its content cannot be read: Too many levels")


def test_what_is_not_found_again_is_gone(archive: ClipArchive) -> None:
    file = untracked(archive, "clips/a.mp4")
    checked()
    file.unlink()
    assert checked("second")["untracked"] == 0
    assert IntegrityFinding.objects.get().state == "gone"


def test_what_is_found_again_stays_the_same_finding(archive: ClipArchive) -> None:
    untracked(archive, "clips/a.mp4")
    checked()
    first = IntegrityFinding.objects.get().pk
    checked("second")
    assert IntegrityFinding.objects.get().pk == first


def test_files_of_a_root_that_is_not_mounted_are_not_reported(archive: ClipArchive) -> None:
    archive.clips(2)
    (archive.folder / ".skycam-root").unlink()
    result = checked()
    assert result["missing"] == 0
    assert "not mounted" in result["problems"][0]


def test_a_file_that_the_spool_still_holds_is_no_finding(archive: ClipArchive) -> None:
    file = untracked(archive, "clips/a.mp4")
    os.link(file, archive.folder / "in-the-spool.mp4")
    assert checked()["untracked"] == 0


def test_a_file_that_was_just_written_is_no_finding(archive: ClipArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "SETTLED_S", 600.0)
    untracked(archive, "clips/a.mp4")
    assert checked()["untracked"] == 0


def test_symbolic_links_are_not_followed(archive: ClipArchive, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "private.jpg").write_bytes(b"private")
    (archive.folder / "clips" / "link").symlink_to(elsewhere)
    (archive.folder / "clips" / "file.mp4").symlink_to(elsewhere / "private.jpg")
    assert checked()["untracked"] == 0


@pytest.mark.parametrize("name", [b"a\nb.mp4", "\u202egnp.mp4".encode(), b"\xff\xfe.mp4", b"=1+1.mp4", b"'; DROP.mp4"])
def test_hostile_names_are_found_and_set_aside(archive: ClipArchive, name: bytes) -> None:
    path = os.path.join(os.fsencode(archive.folder), b"clips", name)
    Path(os.fsdecode(path)).write_bytes(b"content")
    assert checked()["untracked"] == 1
    finding = set_aside(IntegrityFinding.objects.get(), "boss")
    assert finding.path.isprintable()
    assert (archive.folder / finding.target).read_bytes() == b"content"
    assert not os.path.lexists(path)


class Stopping:
    """A job that is stopped after some progress reports, as a kill would."""

    def __init__(self, after: int) -> None:
        self.left, self.checkpoint = after, None
        self.now = 0.0
        self.context = JobContext("first", {}, None, "boss", self.send, threading.Event(), self.clock)

    def clock(self) -> float:
        self.now += 10.0
        return self.now

    def send(self, message: ProgressMessage) -> None:
        self.checkpoint, self.left = message["checkpoint"], self.left - 1
        if not self.left:
            self.context.stopping.set()


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_a_check_continues_at_its_checkpoint(archive: ClipArchive, after: int) -> None:
    for folder in ("a", "b/c", "b-", "d"):
        untracked(archive, f"clips/{folder}/x.mp4")
    stopped = Stopping(after)
    check_integrity(stopped.context)
    result = check_integrity(context("first", stopped.checkpoint))
    assert result["untracked"] == 4


def test_a_root_that_was_not_mounted_is_left_out_after_a_kill_too(archive: ClipArchive) -> None:
    (archive.folder / archive.clip(0).path).unlink()
    checked("earlier")
    other = StorageRoot.objects.create(host="main", path=str(archive.folder / "other"))
    untracked(archive, "other/clips/x.mp4")
    make_root(archive.folder / "other", str(other.pk))
    (archive.folder / ".skycam-root").rename(archive.folder / "marker")
    stopped = Stopping(1)
    check_integrity(stopped.context)
    (archive.folder / "marker").rename(archive.folder / ".skycam-root")
    result = check_integrity(context("first", stopped.checkpoint))
    assert "not mounted" in result["problems"][0]
    assert ("missing", "clips/0-rolling.mp4") in kinds()


def test_a_size_that_is_right_again_is_gone_without_reading_the_content(archive: ClipArchive) -> None:
    path = archive.folder / archive.clip(0).path
    content = path.read_bytes()
    path.write_bytes(b"longer than its row")
    checked()
    path.write_bytes(content)
    checked("second")
    assert IntegrityFinding.objects.get().state == "gone"


def test_a_content_that_differed_stays_open_until_it_is_read(archive: ClipArchive) -> None:
    file = file_of(saved(archive.camera), archive.root, host="main")
    (archive.folder / file.path).write_bytes(bytes(file.bytes))
    checked(hash=True)
    checked("second")
    assert IntegrityFinding.objects.get().state == "open"


def test_an_untracked_picture_becomes_a_capture(archive: ClipArchive) -> None:
    untracked(archive, "captures/sim/a.jpg", taken_picture(timezone.now() - timedelta(days=2)))
    checked()
    adopt(IntegrityFinding.objects.get(), None, "boss")
    file = CaptureFile.objects.get()
    assert file.path == "captures/sim/a.jpg"
    assert file.capture.camera == archive.camera
    assert file.capture.origin == "adopted"
    assert checked("second", hash=True)["mismatching"] == 0
    assert Event.objects.get(kind="storage.adopted").actor == "boss"


def test_a_file_that_is_no_picture_is_not_adopted(archive: ClipArchive) -> None:
    untracked(archive, "captures/sim/a.jpg", b"no picture")
    checked()
    with pytest.raises(FindingRefused, match="cannot be adopted"):
        adopt(IntegrityFinding.objects.get(), None, "boss")
    assert not CaptureFile.objects.exists()
    assert IntegrityFinding.objects.get().state == "open"


def test_a_second_copy_of_a_picture_is_not_adopted(archive: ClipArchive) -> None:
    picture = taken_picture(timezone.now() - timedelta(days=2))
    first = file_of(saved(archive.camera), archive.root, content=picture, host="main")
    finding = found_untracked(archive, "captures/sim/copy.jpg", picture, "first")
    with pytest.raises(FindingRefused, match=f"{first.path} has a row and the same content"):
        adopt(finding, None, "boss")
    assert CaptureFile.objects.count() == 1


def test_a_second_copy_of_a_clip_is_not_adopted(archive: ClipArchive) -> None:
    content = video()
    sha256 = hashlib.sha256(content).hexdigest()
    archive.clip(0, sha256=sha256)
    finding = found_untracked(archive, "clips/sim/sim_20260301_120000_500_x.mp4", content, "first")
    with pytest.raises(FindingRefused, match="has a row and the same content"):
        adopt(finding, None, "boss")
    assert Clip.objects.count() == 1


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("clips/sim/sim_20260301_120000_000_x.mp4", "bytes play"),
        ("clips/sim/video.mp4", "does not say when it began"),
        ("clips/sim/sim_20269901_120000_000_x.mp4", "a time that does not exist"),
        ("clips/nobody/sim_20260301_120000_000_x.mp4", "in the folder of no camera"),
    ],
)
def test_a_video_that_cannot_be_a_clip_is_not_adopted(archive: ClipArchive, path: str, message: str) -> None:
    untracked(archive, path, b"no video")
    checked()
    with pytest.raises(FindingRefused, match=message):
        adopt(IntegrityFinding.objects.get(), None, "boss")
    assert not Clip.objects.exists()


def video() -> bytes:
    content = io.BytesIO()
    encoder = Encoder(content, 64, 48, RECORDING)
    for number in range(15):
        encoder.add(np.zeros((72, 64), dtype=np.uint8), number / 15)
    encoder.finish()
    return content.getvalue()


def test_an_untracked_video_becomes_a_manual_clip(archive: ClipArchive) -> None:
    untracked(archive, "clips/sim/sim_20260301_120000_500_x.mp4", video())
    checked()
    adopt(IntegrityFinding.objects.get(), None, "boss")
    clip = Clip.objects.get()
    assert (clip.kind, clip.frames, clip.camera) == ("manual", 15, archive.camera)
    assert clip.started_at == datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
    assert checked("second", hash=True)["mismatching"] == 0


def test_a_file_that_was_set_aside_is_below_its_date_and_no_finding_any_more(archive: ClipArchive) -> None:
    file = untracked(archive, "clips/sim/a.mp4")
    checked()
    days = [datetime.now(UTC).date()]
    finding = set_aside(IntegrityFinding.objects.get(), "boss")
    days.append(datetime.now(UTC).date())
    assert finding.target in {f"set-aside/{day}/clips/sim/a.mp4" for day in days}
    assert not file.exists()
    assert checked("second")["untracked"] == 0
    assert Event.objects.get(kind="storage.set_aside").data["path"] == "clips/sim/a.mp4"


def found_untracked(archive: ClipArchive, path: str, content: bytes, job: str) -> IntegrityFinding:
    untracked(archive, path, content)
    checked(job)
    return IntegrityFinding.objects.get(kind="untracked", state="open")


def test_two_files_of_one_name_are_set_aside_on_one_day(archive: ClipArchive) -> None:
    first = set_aside(found_untracked(archive, "clips/sim/a.mp4", b"first", "first"), "boss")
    second = set_aside(found_untracked(archive, "clips/sim/a.mp4", b"second", "second"), "boss")
    assert (archive.folder / first.target).read_bytes() == b"first"
    assert (archive.folder / second.target).read_bytes() == b"second"


def test_a_file_is_set_aside_whose_folder_has_the_name_of_another_one(archive: ClipArchive) -> None:
    set_aside(found_untracked(archive, "clips/sim", b"first", "first"), "boss")
    second = set_aside(found_untracked(archive, "clips/sim/a.mp4", b"second", "second"), "boss")
    assert (archive.folder / second.target).read_bytes() == b"second"


def test_a_file_that_is_gone_is_not_taken_for_the_one_that_was_set_aside_before(archive: ClipArchive) -> None:
    set_aside(found_untracked(archive, "clips/sim/a.mp4", b"first", "first"), "boss")
    gone = found_untracked(archive, "clips/sim/a.mp4", b"second", "second")
    (archive.folder / gone.path).unlink()
    with pytest.raises(FindingRefused, match="cannot be moved"):
        set_aside(gone, "boss")


def test_a_late_request_moves_no_file_that_came_after_the_decision(archive: ClipArchive) -> None:
    late = found_untracked(archive, "clips/sim/a.mp4", b"first", "first")
    set_aside(IntegrityFinding.objects.get(), "boss")
    file = untracked(archive, "clips/sim/a.mp4", b"second")
    with pytest.raises(FindingRefused, match="Somebody else decided"):
        set_aside(late, "olga")
    assert file.read_bytes() == b"second"


def test_a_file_that_is_being_set_aside_is_not_adopted(archive: ClipArchive) -> None:
    late = found_untracked(archive, "clips/sim/sim_20260301_120000_500_x.mp4", video(), "first")
    IntegrityFinding.objects.update(target="set-aside/2026-03-01/a.mp4")
    with pytest.raises(FindingRefused, match="Somebody else decided"):
        adopt(late, None, "boss")
    with pytest.raises(FindingRefused, match="Set it aside again"):
        adopt(IntegrityFinding.objects.get(), None, "boss")
    assert not Clip.objects.exists()


def test_a_missing_file_cannot_be_set_aside(archive: ClipArchive) -> None:
    (archive.folder / archive.clip(0).path).unlink()
    checked()
    with pytest.raises(FindingRefused, match="Only untracked files"):
        set_aside(IntegrityFinding.objects.get(), "boss")


def test_a_file_that_has_a_row_meanwhile_is_not_set_aside(archive: ClipArchive) -> None:
    clip = archive.clip(0)
    fields = {name: getattr(clip, name) for name in ("path", "bytes", "sha256", "started_at", "ended_at")}
    clip.delete()
    checked()
    Clip.objects.create(camera=archive.camera, root=archive.root, host="main", frames=1, width=1, height=1, **fields)
    with pytest.raises(FindingRefused, match="has a row meanwhile"):
        set_aside(IntegrityFinding.objects.get(), "boss")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["after_set_aside_target", "after_set_aside_link", "after_set_aside_move"])
def test_setting_aside_continues_after_a_kill(archive: ClipArchive, point: str) -> None:
    file = untracked(archive, "clips/sim/a.mp4")
    checked()
    found = IntegrityFinding.objects.get()
    assert exit_status("set_aside_process", point, found.pk) == KILLED
    finding = set_aside(IntegrityFinding.objects.get(), "boss")
    assert (archive.folder / finding.target).read_bytes() == b"content"
    assert not file.exists()


def test_a_name_cannot_become_a_formula_in_the_table(archive: ClipArchive) -> None:
    IntegrityFinding.objects.create(
        host="=1+1", root=archive.root, kind="untracked", path="@SUM(A1)", raw_path=b"@", path_digest="0",
        message='=HYPERLINK("x")', check_job="first", found_at=timezone.now(),
    )  # fmt: skip
    [_, line] = csv_lines(IntegrityFinding.objects.all())
    assert ",'=1+1," in line
    assert ",'@SUM(A1)," in line
    assert "\"'=HYPERLINK" in line
