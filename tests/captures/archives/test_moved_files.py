"""Archives whose sources, or own files, were moved to a destination of off-site copies."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from cameras.models import Camera
from captures.archives.download import zip_entry
from captures.archives.services import advance, archive_path, extend_archives
from captures.archives.verification import request_verification
from captures.experiments.membership import link_capture
from captures.files.contents import open_content
from captures.models import Archive, ArchiveFile, CaptureFile, Experiment, StorageRoot
from captures.retention.cleanup import ClipCleanup
from captures.storage.kept import Kept
from captures.thumbnails.store import SIZES, ThumbnailStore
from core.jobs.context import JobError
from tests.harness.far_ends.offsite.s3_server import BUCKET, KEYS, s3_server
from tests.harness.rows.captures import PICTURE, file_of, saved
from tests.harness.rows.offsite import destination, folder_destination, send

SFTP = {"host": "nas.example.org", "user": "skycam", "path": "copies"}


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with s3_server() as port:
        yield port


@pytest.fixture
def late(archive: Archive, run: Experiment, camera: Camera, root: StorageRoot, tmp_path: Path) -> ArchiveFile:
    """The archive's planned row for a late capture, of which only the folder `copies` has a copy."""
    assert run.started_at
    capture = saved(camera, started_at=run.started_at + timedelta(seconds=1))
    source = file_of(capture, root)
    send(folder_destination(tmp_path / "copies", classes=["capture"]))
    CaptureFile.objects.update(kept=Kept.OFFSITE)
    Path(root.path, source.path).unlink()
    link_capture(capture)
    extend_archives()
    archive.refresh_from_db()
    advance(archive)
    return ArchiveFile.objects.get(capture_file=source)


def test_a_source_that_was_moved_comes_from_its_copy(late: ArchiveFile, archive: Archive, run_jobs: Any) -> None:
    run_jobs()
    late.refresh_from_db()
    assert (late.state, late.message) == ("copied", "")
    assert Path(archive_path(archive), late.path).read_bytes() == PICTURE
    archive.refresh_from_db()
    assert archive.state == "complete"


def test_a_source_that_was_moved_is_waited_for_while_its_copy_cannot_be_read(
    late: ArchiveFile, run_jobs: Any, tmp_path: Path
) -> None:
    shutil.move(tmp_path / "copies", tmp_path / "away")
    with pytest.raises(JobError, match="was moved off-site, and no destination gives it now"):
        run_jobs()
    late.refresh_from_db()
    assert late.state == "planned"


def test_an_archived_file_that_is_gone_names_the_destination_of_its_copy_while_that_is_away(
    archive: Archive, viewer: Any, tmp_path: Path
) -> None:
    send(folder_destination(tmp_path / "copies", name="nas", classes=["archive"]))
    (tmp_path / "copies").rename(tmp_path / "away")
    row = ArchiveFile.objects.filter(folder__archive=archive).earliest("at")
    Path(archive_path(archive), row.path).unlink()
    answer = viewer.get(f"/api/v1/archives/{archive.pk}/files/{row.pk}/content/")
    assert (answer.status_code, answer.json()["copies"]) == (503, ["nas"])


def test_old_files_of_an_archive_move_to_the_bucket_and_the_archive_stays_whole(
    archive: Archive, root: StorageRoot, server: int, run_jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = {"endpoint": f"http://127.0.0.1:{server}", "bucket": BUCKET, "access_key": KEYS["access_key"]}
    secret = {"secret_key": KEYS["secret_key"]}
    assert send(destination("s3", place | {"only_copy": True}, secret, classes=["archive"]))["files"] == 3
    rows = ArchiveFile.objects.filter(folder__archive=archive)
    with ThumbnailStore(root.path) as store:
        for row in rows:
            for size in SIZES:
                store.write_thumbnail(row.sha256, size, b"\xff\xd8 small \xff\xd9")
    rows.update(copied_at=timezone.now() - timedelta(hours=1), at=timezone.now() - timedelta(hours=1))
    kept = settings.STATION.retention.model_copy(update={"archive_offsite_days": 0.5 / 24})
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"retention": kept}))
    waiting = destination("sftp", SFTP, {"password": "x"}, classes=["archive"])
    assert ClipCleanup(settings.STATION.host).run().moved == []
    waiting.delete()
    assert len(ClipCleanup(settings.STATION.host).run().moved) == 3
    assert set(rows.values_list("kept", "state")) == {("offsite", "copied")}
    assert not [path for row in rows if (path := Path(archive_path(archive), row.path)).exists()]
    for row in rows.select_related("folder__root"):
        with open_content(zip_entry(archive, row)) as chunks:
            assert sum(map(len, chunks)) == row.bytes
    request_verification(archive, "ada", user=None)
    run_jobs("verify_archive")
    archive.refresh_from_db()
    assert archive.verification == "whole"
