"""Archives whose sources, or own files, were moved to a destination of off-site copies."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.utils import timezone

from cameras.models import Camera
from captures.experiments.membership import link_capture
from captures.files.downloads import open_content
from captures.models import Archive, ArchiveFile, CaptureFile, Experiment, OffsiteCopy, StorageRoot
from captures.roots.models import Kept
from captures.storage.archives.download import make_download, zip_entry
from captures.storage.archives.selectors import archive_files_for
from captures.storage.archives.services import advance, archive_path, extend_archives
from captures.storage.archives.verification import request_verification
from captures.storage.retention.cleanup import ClipCleanup
from captures.thumbnails.store import SIZES, ThumbnailStore
from core.jobs.context import JobError
from tests.harness.clients.programs import program
from tests.harness.clients.sockets import user_of
from tests.harness.far_ends.offsite.s3_server import BUCKET, client, s3_server
from tests.harness.rows.captures import PICTURE, file_of, saved
from tests.harness.rows.offsite import bucket, destination, folder_destination, leave_to_copies, send
from tests.harness.waiting import PATIENCE_S

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
    assert send(bucket(server, classes=["archive"]))["files"] == 3
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


@pytest.fixture
def moved(archive: Archive, server: int) -> list[ArchiveFile]:
    """The files of the archive, which only the bucket has. Clients get them from there."""
    send(bucket(server, classes=["archive"], place={"redirect": True}))
    rows = ArchiveFile.objects.filter(folder__archive=archive).select_related("folder__archive", "folder__root")
    leave_to_copies(*rows)
    return list(rows.order_by("at"))


def content_url(file: ArchiveFile) -> str:
    return f"/api/v1/archives/{file.folder.archive_id}/files/{file.pk}/content/"


def fetched(address: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    """What the bucket answers to someone who has nothing but the address."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.netloc, timeout=PATIENCE_S)
    connection.request("GET", f"{place.path}?{place.query}", headers=headers)
    with connection.getresponse() as answer:
        return answer, answer.read()


@pytest.fixture
def reader(db: None) -> Any:
    """A program, which may be sent elsewhere; what a page shows may not."""
    return program("viewer")


def test_a_presigned_address_gives_the_archived_file_with_its_type_and_name(
    reader: Any, moved: list[ArchiveFile]
) -> None:
    redirect = reader.get(content_url(moved[0]))
    assert redirect.status_code == 307
    answer, body = fetched(redirect["Location"])
    assert (answer.status, hashlib.sha256(body).hexdigest()) == (200, moved[0].sha256)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Disposition"] == f'inline; filename="{Path(moved[0].path).name}"'


def test_a_presigned_address_takes_a_range(reader: Any, moved: list[ArchiveFile]) -> None:
    address = reader.get(content_url(moved[0]))["Location"]
    whole, (answer, part) = fetched(address)[1], fetched(address, Range="bytes=100-199")
    assert (answer.status, part) == (206, whole[100:200])


def test_a_presigned_address_of_a_download_is_one_to_save_under_the_name_in_the_archive(
    reader: Any, moved: list[ArchiveFile]
) -> None:
    redirect = reader.get(f"{content_url(moved[0])}?download=1")
    assert fetched(redirect["Location"])[0].headers["Content-Disposition"] == redirect["Content-Disposition"]
    assert redirect["Content-Disposition"] == f'attachment; filename="{Path(moved[0].path).name}"'


def test_the_copy_of_its_source_has_the_name_of_the_archived_file(
    reader: Any, archive: Archive, server: int, tmp_path: Path
) -> None:
    send(bucket(server, classes=["rolling_clip"], place={"redirect": True}))
    file = ArchiveFile.objects.filter(folder__archive=archive).earliest("at")
    Path(archive_path(archive), file.path).unlink()
    redirect = reader.get(content_url(file))
    answer, body = fetched(redirect["Location"])
    assert hashlib.sha256(body).hexdigest() == file.sha256
    assert answer.headers["Content-Disposition"] == f'inline; filename="{Path(file.path).name}"'


def downloaded(archive: Archive) -> zipfile.ZipFile:
    """Read in this thread: another one does not see the rows of this test."""
    user = user_of("viewer")
    made = make_download(user, archive, archive_files_for(user, archive))
    return zipfile.ZipFile(io.BytesIO(b"".join(made.parts())))


def test_the_zip_of_an_archive_has_its_moved_files(archive: Archive, moved: list[ArchiveFile]) -> None:
    with downloaded(archive) as found:
        assert found.testzip() is None
        assert "ERRORS.txt" not in found.namelist()
        sums = dict(reversed(line.split("  ")) for line in found.read("SHA256SUMS").decode().splitlines())
        assert {file.path: file.sha256 for file in moved}.items() <= sums.items()
        assert {name: hashlib.sha256(found.read(name)).hexdigest() for name in sums} == sums
        assert {file["state"] for file in json.loads(found.read("manifest.json"))["files"]} == {"exported"}


def test_the_zip_names_the_moved_file_whose_copy_is_damaged(
    archive: Archive, moved: list[ArchiveFile], server: int
) -> None:
    far: Any = client(server)
    far.put_object(Bucket=BUCKET, Key=OffsiteCopy.objects.get(uuid=moved[0].pk).key, Body=b"short")
    with downloaded(archive) as found:
        assert moved[0].path not in found.namelist()
        assert found.read("ERRORS.txt").decode().startswith(f"{moved[0].path}: ")
        assert {file.path for file in moved[1:]} <= set(found.namelist())
