from __future__ import annotations

import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from cameras.models import Camera
from captures.files.answers import Span
from captures.files.opened import CHUNK_BYTES, FileMissing, open_below
from captures.models import CaptureFile, StorageRoot
from captures.roots.models import StorageClass
from captures.roots.roots import assign_root
from core.events.models import Alert, Event
from tests.harness.clients.descriptors import open_descriptors
from tests.harness.clients.programs import program
from tests.harness.clients.responses import content
from tests.harness.rows.captures import PICTURE, UNKNOWN, file_of, saved

GIGABYTE = 1024**3
MANY_CHUNKS = 200 * CHUNK_BYTES


def test_a_file_is_served_with_its_validators(viewer: Any, file: CaptureFile, file_url: str) -> None:
    answer = viewer.get(file_url)
    assert answer.status_code == 200
    assert content(answer) == PICTURE
    assert answer["ETag"] == f'"{file.sha256}"'
    assert answer["Content-Length"] == str(len(PICTURE))
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Accept-Ranges"] == "bytes"
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["Content-Disposition"] == f'inline; filename="{file.capture_id}.jpg"'


def test_a_range_is_served(viewer: Any, file_url: str) -> None:
    answer = viewer.get(file_url, headers={"range": "bytes=100-199"})
    assert answer.status_code == 206
    assert content(answer) == PICTURE[100:200]
    assert answer["Content-Range"] == f"bytes 100-199/{len(PICTURE)}"
    assert answer["Content-Length"] == "100"


def test_a_range_after_the_end_is_refused_with_the_size(viewer: Any, file_url: str) -> None:
    answer = viewer.get(file_url, headers={"range": "bytes=99999-"})
    assert answer.status_code == 416
    assert answer["Content-Range"] == f"bytes */{len(PICTURE)}"
    assert answer.json()["type"] == "/problems/range"


def test_a_file_that_the_client_has_is_not_sent_again(viewer: Any, file: CaptureFile, file_url: str) -> None:
    answer = viewer.get(file_url, headers={"if-none-match": f'"{file.sha256}"'})
    assert answer.status_code == 304
    assert answer.content == b""
    assert answer["ETag"] == f'"{file.sha256}"'


def test_if_range_with_another_etag_gives_the_whole_file(viewer: Any, file_url: str) -> None:
    answer = viewer.get(file_url, headers={"range": "bytes=0-9", "if-range": '"another"'})
    assert answer.status_code == 200
    assert len(content(answer)) == len(PICTURE)


def test_head_has_all_headers_and_no_body(viewer: Any, file: CaptureFile, file_url: str) -> None:
    answer = viewer.head(file_url)
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer["Content-Length"] == str(len(PICTURE))
    assert answer["ETag"] == f'"{file.sha256}"'


def test_a_download_is_an_attachment_with_a_safe_name(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    capture = saved(camera)
    file_of(capture, root, 'captures/sky/Mond "\u00fcber" Wien\r\nX: 1.jpg')
    answer = viewer.get(f"/api/v1/captures/{capture.id}/file/?download=1")
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''Mond%20%22%C3%BCber%22")
    assert content(answer) == PICTURE


def test_a_kind_can_be_chosen_and_the_primary_file_is_the_default(
    viewer: Any, camera: Camera, root: StorageRoot
) -> None:
    capture = saved(camera)
    file_of(capture, root, "a.nef", b"raw", kind="raw", place=1)
    file_of(capture, root, "a.jpg", b"jpeg", kind="jpeg", place=0)
    url = f"/api/v1/captures/{capture.id}/file/"
    assert content(viewer.get(url)) == b"jpeg"
    raw = viewer.get(url, {"kind": "raw"})
    assert content(raw) == b"raw"
    assert raw["Content-Type"] == "application/octet-stream"
    assert viewer.get(url, {"kind": "fits"}).status_code == 404


def test_a_program_with_a_token_gets_the_file_without_a_cookie(file_url: str) -> None:
    answer = program("viewer").get(file_url)
    assert content(answer) == PICTURE
    assert dict(answer.cookies) == {}


PATHS_OUT = [
    "../secret", "captures/../../secret", "/etc/passwd", "captures//x.jpg", "./x.jpg", "captures/./x.jpg", "", "..",
    "captures/..", "captures/\0x.jpg", "%2e%2e/secret", "..%2fsecret", "..\\secret", "captures/x.jpg/", "link/secret",
    "captures/out.jpg", "captures",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS_OUT)
def test_no_path_leaves_the_root(path: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "root" / "captures").mkdir(parents=True)
    (tmp_path / "root" / "link").symlink_to(tmp_path)
    (tmp_path / "root" / "captures" / "out.jpg").symlink_to(tmp_path / "secret")
    with pytest.raises(FileMissing):
        open_below(str(tmp_path / "root"), path)


def test_a_symbolic_link_in_the_root_is_not_found(viewer: Any, file: CaptureFile, file_url: str) -> None:
    there = Path(file.root.path, file.path)
    there.rename(there.with_suffix(".real"))
    there.symlink_to(there.with_suffix(".real"))
    assert viewer.get(file_url).status_code == 404


@pytest.mark.parametrize("path", ["../file/", "%2e%2e/file/", "..%2f..%2fetc%2fpasswd/file/", "x/file/", "%00/file/"])
def test_files_are_served_by_capture_only(path: str, viewer: Any, file_url: str) -> None:
    answer = viewer.get(f"/api/v1/captures/{path}")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["../../etc/passwd", "%2e%2e", "JPEG", "a" * 21, "\0"])
def test_an_invalid_kind_is_refused(kind: str, viewer: Any, file_url: str) -> None:
    answer = viewer.get(file_url, {"kind": kind})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "kind"


def test_an_unknown_capture_is_404(viewer: Any) -> None:
    assert viewer.get(f"/api/v1/captures/{UNKNOWN}/file/").status_code == 404


def test_a_missing_file_is_404_and_raises_one_alert(viewer: Any, file: CaptureFile, file_url: str) -> None:
    Path(file.root.path, file.path).unlink()
    answers = [viewer.get(file_url), viewer.get(file_url)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert Alert.objects.get().key == f"storage.missing:{file.pk}"
    assert Event.objects.filter(kind="alert.opened").count() == 1


def test_a_file_of_another_length_is_not_served(viewer: Any, file: CaptureFile, file_url: str) -> None:
    Path(file.root.path, file.path).write_bytes(b"short")
    assert viewer.get(file_url).status_code == 404
    assert Alert.objects.get().data["path"] == file.path


def test_a_file_of_a_host_that_is_away_is_503_with_its_host(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    capture = saved(camera)
    file_of(capture, root, host="mountain")
    answer = viewer.get(f"/api/v1/captures/{capture.id}/file/")
    assert answer.status_code == 503
    assert answer.json()["host"] == "mountain"


def test_nginx_sends_the_file_when_it_is_configured(
    viewer: Any, file: CaptureFile, file_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assign_root(StorageRoot.objects.get(), StorageClass.CAPTURES)
    web = settings.STATION.web.model_copy(update={"x_accel": "/files/"})
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"web": web}))
    answer = viewer.get(file_url)
    assert answer["X-Accel-Redirect"] == f"/files/{file.path}"
    assert answer.content == b""
    assert answer["Content-Type"] == "image/jpeg"


def test_nginx_is_not_sent_to_a_symbolic_link(
    viewer: Any, file: CaptureFile, file_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nginx opens the path again, so its own configuration must refuse links too."""
    assign_root(StorageRoot.objects.get(), StorageClass.CAPTURES)
    web = settings.STATION.web.model_copy(update={"x_accel": "/files/"})
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"web": web}))
    there, elsewhere = Path(file.root.path, file.path), tmp_path / "elsewhere"
    there.rename(elsewhere)
    there.symlink_to(elsewhere)
    answer = viewer.get(file_url)
    assert answer.status_code == 404
    assert "X-Accel-Redirect" not in answer


def test_descriptors_are_closed_after_every_answer(viewer: Any, file: CaptureFile, file_url: str) -> None:
    content(viewer.get(file_url))
    viewer.head(file_url)
    viewer.get(file_url, headers={"if-none-match": "*"})
    viewer.get(file_url, headers={"range": "bytes=99999-"})
    viewer.get(file_url).close()
    assert not {path for path in open_descriptors() if path.startswith(file.root.path)}


async def test_the_end_of_a_file_of_three_gigabytes_takes_a_few_chunks_of_memory(tmp_path: Path) -> None:
    with (tmp_path / "clip.mp4").open("wb") as sparse:
        sparse.truncate(3 * GIGABYTE)
    file = open_below(str(tmp_path), "clip.mp4")
    file.span = Span(file.span.last + 1 - MANY_CHUNKS, file.span.last)
    tracemalloc.start()
    try:
        sent = sum([len(part) async for part in file])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sent == MANY_CHUNKS
    assert peak < 8 * CHUNK_BYTES


async def test_a_client_that_leaves_closes_the_file(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(bytes(4 * CHUNK_BYTES))
    file = open_below(str(tmp_path), "clip.mp4")
    await anext(aiter(file))
    file.close()
    assert str(tmp_path / "clip.mp4") not in open_descriptors()


async def test_a_file_cut_while_it_is_sent_is_an_error_and_not_a_short_answer(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(bytes(4 * CHUNK_BYTES))
    parts = aiter(open_below(str(tmp_path), "clip.mp4"))
    await anext(parts)
    os.truncate(tmp_path / "clip.mp4", CHUNK_BYTES)
    with pytest.raises(OSError, match="shorter"):
        await anext(parts)
