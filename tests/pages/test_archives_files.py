"""The files of archives: bytes and ranges, paths that leave the folder, and the ZIP file of all."""

from __future__ import annotations

import io
import json
import os
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.models import Camera
from captures.models import Archive, ArchiveFile, StorageRoot
from captures.storage.archives import download
from captures.storage.archives.planning import is_plain_path, unused_path
from core.events.models import Alert, Event
from tests.harness.clients.people import jpeg
from tests.harness.clients.responses import content
from tests.harness.rows.archived_files import (
    archive_of,
    archived_clip,
    archived_file,
    archived_picture,
    folder_of,
    on_disk,
)
from tests.harness.rows.audiences import only_for
from tests.harness.rows.clips import STARTED, clip_of
from tests.harness.rows.experiments import running


@pytest.fixture
def archive(camera: Camera) -> Archive:
    return archive_of(running(camera), missing=["sky: one gap."])


@pytest.fixture
def archived(archive: Archive, camera: Camera, root: StorageRoot) -> ArchiveFile:
    return archived_clip(archive, clip_of(camera, root))


@pytest.fixture
def picture(archive: Archive, root: StorageRoot, camera: Camera) -> ArchiveFile:
    return archived_picture(archive, root, camera, "a.jpg", jpeg(), STARTED - timedelta(hours=1))


@pytest.fixture
def hidden(archive: Archive, camera: Camera, root: StorageRoot) -> ArchiveFile:
    """A file of a second camera, which only managers may see."""
    other = Camera.objects.create(slug="b", name="Secret", kind="simulated", host=camera.host)
    archive.experiment.places.create(camera=only_for(other), position=2)
    return archived_file(archive, root, other, "b/clips/x.mp4", b"x", at=STARTED, facts={"kind": "clip"})


def of(file: ArchiveFile, tail: str = "content/") -> str:
    return f"/api/v1/archives/{file.folder.archive_id}/files/{file.pk}/{tail}"


def zip_of(client: Any, archive: Archive, query: str = "") -> bytes:
    answer = client.get(f"/api/v1/archives/{archive.pk}/zip/{query}")
    assert answer.status_code == 200
    return content(answer)


def opened(found: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(found))


def manifest_of(found: bytes) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(opened(found).read("manifest.json"))
    return manifest


def test_a_file_is_downloaded_from_the_archive_and_not_from_its_source(viewer: Any, archived: ArchiveFile) -> None:
    source = archived.clip
    assert source
    Path(source.root.path, source.path).unlink()
    answer = viewer.get(of(archived, "content/?download=1"))
    assert content(answer) == on_disk(archived).read_bytes()
    assert answer["Content-Disposition"] == f'attachment; filename="{source.filename}"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Type"] == "video/mp4"


def test_a_file_has_ranges(viewer: Any, archived: ArchiveFile) -> None:
    answer = viewer.get(of(archived), headers={"Range": "bytes=4-7"})
    assert answer.status_code == 206
    assert content(answer) == b"ftyp"


def test_a_file_that_is_missing_is_a_problem_and_an_alert(viewer: Any, archived: ArchiveFile) -> None:
    on_disk(archived).unlink()
    answer = viewer.get(of(archived))
    assert answer.status_code == 404
    alert = Alert.objects.get(key=f"archive.damaged:{archived.folder.archive_id}")
    assert "Verify the archive" in alert.message


@pytest.mark.parametrize("state", ["missing", "damaged", "planned"])
def test_a_file_that_is_not_whole_is_not_sent(state: str, viewer: Any, archived: ArchiveFile) -> None:
    ArchiveFile.objects.update(state=state, message="Its content has changed.")
    answer = viewer.get(of(archived))
    assert answer.status_code == 404
    assert "Its content has changed." in answer.json()["detail"]
    assert not Alert.objects.exists()


def test_a_link_out_of_the_archive_is_not_followed(viewer: Any, archived: ArchiveFile, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * archived.bytes)
    on_disk(archived).unlink()
    on_disk(archived).symlink_to(secret)
    assert viewer.get(of(archived)).status_code == 404
    assert b"sss" not in zip_of(viewer, archived.folder.archive)


def test_a_folder_that_became_a_link_is_not_followed(viewer: Any, archived: ArchiveFile, tmp_path: Path) -> None:
    folder = on_disk(archived).parent
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    assert viewer.get(of(archived)).status_code == 404


@pytest.mark.parametrize("path", ["../../secret", "sky/../../../secret", "/etc/passwd", "sky/clips/\0", ""])
def test_a_path_out_of_the_archive_is_refused(path: str, viewer: Any, archived: ArchiveFile) -> None:
    ArchiveFile.objects.update(path=path.replace("\0", "\x01"))
    assert viewer.get(of(archived)).status_code == 404
    names = opened(zip_of(viewer, archived.folder.archive)).namelist()
    assert sorted(names) == ["ERRORS.txt", "README.txt", "SHA256SUMS", "manifest.json"]


@pytest.mark.parametrize("path", ["manifest.json", "sky/..\\..\\evil.mp4", "sky/clips/C:evil.mp4", "sky/clips/.hidden"])
def test_a_name_that_is_unsafe_on_some_system_is_no_entry(
    path: str, viewer: Any, archive: Archive, camera: Camera, root: StorageRoot
) -> None:
    archived_file(archive, root, camera, path, b"evil", at=STARTED, facts={"kind": "clip"})
    found = zip_of(viewer, archive)
    assert sorted(opened(found).namelist()) == ["ERRORS.txt", "README.txt", "SHA256SUMS", "manifest.json"]
    assert b"evil" not in opened(found).read("SHA256SUMS")
    assert manifest_of(found)["files"][0]["state"] == "missing"


def test_a_file_of_a_host_that_is_away_names_it(viewer: Any, archived: ArchiveFile) -> None:
    archived.folder.host = "dome"
    archived.folder.save()
    answer = viewer.get(of(archived))
    assert answer.status_code == 503
    assert answer.json()["host"] == "dome"


def test_a_hidden_cameras_file_is_not_found(viewer: Any, hidden: ArchiveFile) -> None:
    assert [viewer.get(of(hidden, tail)).status_code for tail in ("content/", "thumbnail/")] == [404, 404]


def test_a_file_that_no_thumbnail_can_show_says_so(viewer: Any, picture: ArchiveFile) -> None:
    picture.facts["file_kind"] = "xisf"
    picture.save()
    answer = viewer.get(of(picture, "thumbnail/"))
    assert answer.status_code == 404
    assert "xisf" in answer.json()["detail"]


def test_a_zip_file_is_whole_by_unzip_and_sha256sum(
    viewer: Any, archived: ArchiveFile, picture: ArchiveFile, tmp_path: Path
) -> None:
    file = tmp_path / "archive.zip"
    file.write_bytes(zip_of(viewer, archived.folder.archive))
    subprocess.run(["unzip", "-tq", str(file)], check=True)
    subprocess.run(["unzip", "-q", str(file), "-d", str(tmp_path / "out")], check=True)
    subprocess.run(["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"], cwd=tmp_path / "out", check=True)
    assert (tmp_path / "out" / archived.path).read_bytes() == on_disk(archived).read_bytes()
    sums = (tmp_path / "out" / "SHA256SUMS").read_text()
    assert [line.split("  ")[1] for line in sums.splitlines()] == [
        picture.path, archived.path, "manifest.json", "README.txt",
    ]  # fmt: skip


def test_the_manifest_of_a_zip_file_describes_experiment_and_files(viewer: Any, archived: ArchiveFile) -> None:
    found = manifest_of(zip_of(viewer, archived.folder.archive))
    assert found["schema"] == "skycam-archive-download/1"
    assert found["experiment"]["name"] == "Dew"
    assert found["missing"] == ["sky: one gap."]
    assert [one["path"] for one in found["files"]] == [archived.path]
    assert found["files"][0]["lost_frames"] == 0
    assert found["written_by"] == "a-viewer"


def test_a_zip_file_is_named_and_not_stored(viewer: Any, archived: ArchiveFile) -> None:
    answer = viewer.get(f"/api/v1/archives/{archived.folder.archive_id}/zip/")
    assert answer["Content-Disposition"].startswith('attachment; filename="skycam_dew_')
    assert answer["Cache-Control"] == "no-store"
    assert "Content-Length" not in answer


def test_a_download_is_in_the_chain_of_custody(viewer: Any, archived: ArchiveFile) -> None:
    zip_of(viewer, archived.folder.archive)
    event = Event.objects.get(kind="files.exported")
    assert event.subject == str(archived.folder.archive_id)
    assert event.actor == "a-viewer"
    assert event.data == {"files": 1, "bytes": archived.bytes}


def test_a_look_at_the_headers_of_a_zip_file_is_no_download(viewer: Any, archived: ArchiveFile) -> None:
    assert viewer.head(f"/api/v1/archives/{archived.folder.archive_id}/zip/").status_code == 200
    assert not Event.objects.filter(kind="files.exported").exists()


def test_a_missing_file_is_an_error_in_the_list_of_the_zip_file(
    viewer: Any, archived: ArchiveFile, picture: ArchiveFile
) -> None:
    on_disk(archived).unlink()
    found = opened(zip_of(viewer, archived.folder.archive))
    assert archived.path in found.read("ERRORS.txt").decode()
    assert archived.path not in found.read("SHA256SUMS").decode()
    assert "It has 1 file." in found.read("README.txt").decode()
    assert "1 file could not be sent. ERRORS.txt says which" in found.read("README.txt").decode()
    assert found.testzip() is None


def test_a_flipped_bit_is_an_error_and_no_entry(viewer: Any, archived: ArchiveFile) -> None:
    content = bytearray(on_disk(archived).read_bytes())
    content[len(content) // 2] ^= 1
    on_disk(archived).write_bytes(content)
    found = zip_of(viewer, archived.folder.archive)
    assert archived.path not in opened(found).namelist()
    assert manifest_of(found)["files"][0]["state"] == "changed"


def test_files_that_are_known_to_be_damaged_are_errors(viewer: Any, archived: ArchiveFile) -> None:
    ArchiveFile.objects.update(state="damaged", message="Its content has changed.")
    assert "Its content has changed." in opened(zip_of(viewer, archived.folder.archive)).read("ERRORS.txt").decode()


def test_a_zip_file_has_only_what_the_user_may_see(
    viewer: Any, manager: Any, archived: ArchiveFile, hidden: ArchiveFile
) -> None:
    seen = zip_of(viewer, archived.folder.archive)
    assert hidden.path not in opened(seen).namelist()
    assert "b/" not in opened(seen).read("manifest.json").decode()
    assert manifest_of(seen)["missing"] == []
    assert manifest_of(seen)["custody"] == []
    assert manifest_of(seen)["all_cameras"] is False
    assert hidden.path in opened(zip_of(manager, archived.folder.archive)).namelist()


def test_a_filter_for_a_hidden_camera_is_refused(viewer: Any, hidden: ArchiveFile) -> None:
    assert viewer.get(f"/api/v1/archives/{hidden.folder.archive_id}/zip/?camera=b").status_code == 400


@pytest.mark.parametrize(
    ("query", "clips", "pictures"),
    [
        ("?kind=clip", 1, 0),
        ("?kind=capture", 0, 1),
        ("?camera=sky", 1, 1),
        ("?from=2026-03-28T12:00:00Z", 1, 0),
        ("?to=2026-03-28T12:00:00Z", 0, 1),
    ],
)
def test_a_zip_file_of_a_part(
    query: str, clips: int, pictures: int, viewer: Any, archived: ArchiveFile, picture: ArchiveFile
) -> None:
    names = opened(zip_of(viewer, archived.folder.archive, query)).namelist()
    assert (names.count(archived.path), names.count(picture.path)) == (clips, pictures)


@pytest.mark.parametrize("query", ["?kind=x", "?cameras=sky", "?from=now"])
def test_a_bad_part_is_refused(query: str, viewer: Any, archived: ArchiveFile) -> None:
    assert viewer.get(f"/api/v1/archives/{archived.folder.archive_id}/zip/{query}").status_code == 400


def test_too_many_files_are_refused(
    viewer: Any, archived: ArchiveFile, picture: ArchiveFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MAX_FILES", 1)
    answer = viewer.get(f"/api/v1/archives/{archived.folder.archive_id}/zip/")
    assert answer.status_code == 400
    assert "at most 1 files" in answer.json()["detail"]
    assert not Event.objects.filter(kind="files.exported").exists()


def test_a_file_of_a_host_that_is_away_is_named_in_a_zip_file(viewer: Any, archived: ArchiveFile) -> None:
    archived.folder.host = "dome"
    archived.folder.save()
    found = zip_of(viewer, archived.folder.archive)
    assert manifest_of(found)["files"][0]["state"] == "missing"
    assert "on the camera host dome" in opened(found).read("ERRORS.txt").decode()


def test_a_gathered_copy_stands_for_the_file_of_another_host(
    viewer: Any, archived: ArchiveFile, root: StorageRoot
) -> None:
    archive, content = archived.folder.archive, on_disk(archived).read_bytes()
    far = archive.folders.create(host="dome", root=root)
    ArchiveFile.objects.filter(pk=archived.pk).update(folder=far)
    folder_of(archive, root).delete()
    archived_file(
        archive, root, archived.camera, archived.path, content, at=archived.at, facts=archived.facts,
        gathered_from=archived,
    )  # fmt: skip
    files = manifest_of(zip_of(viewer, archive))["files"]
    assert [(one["host"], one["state"]) for one in files] == [("main", "exported")]


def test_a_zip_file_reads_no_database_while_it_is_sent(
    viewer: Any, archived: ArchiveFile, django_assert_num_queries: Any
) -> None:
    answer = viewer.get(f"/api/v1/archives/{archived.folder.archive_id}/zip/")
    os.truncate(on_disk(archived), 10)
    with django_assert_num_queries(0):
        assert "has 10 bytes" in opened(content(answer)).read("ERRORS.txt").decode()


@given(st.text(max_size=60))
def test_paths_of_archives_are_plain(name: str) -> None:
    assert is_plain_path(unused_path("sky/clips", name, set()))


@given(st.text(max_size=60))
def test_a_plain_path_stays_below_its_folder(path: str) -> None:
    parts = path.split("/")
    is_safe = not {"", ".", ".."} & set(parts) and "\\" not in path
    assert is_safe or not is_plain_path(path)
