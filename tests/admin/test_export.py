"""Exports: the ZIP file of chosen rows, which `unzip` and `sha256sum` prove, and files that are faulty."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.files import downloads
from captures.files.downloads import ZipEntry
from captures.models import Capture, Clip
from core.events.models import Event
from core.zip_stream import ZipStream
from skycam_project.admin.actions import views
from skycam_project.admin.actions.views import ExportStream
from tests.harness.clients.admin_actions import confirm, plan
from tests.harness.clients.people import World

MOMENT = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)


async def _bytes_of(answer: Any) -> bytes:
    return b"".join([part async for part in answer.streaming_content])


def exported(boss: Any, *clips: Clip) -> bytes:
    answer = confirm(boss, plan(boss, "export", *clips), confirmation=str(len(clips)))
    assert answer["Content-Type"] == "application/zip"
    return asyncio.run(_bytes_of(answer))


def opened(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


def manifest_of(content: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(opened(content).read("manifest.json"))
    return found


def path_of(clip: Clip) -> Path:
    return Path(clip.root.path, clip.path)


def test_an_export_is_whole_by_unzip_and_sha256sum(clips: list[Clip], boss: Any, tmp_path: Path) -> None:
    file = tmp_path / "export.zip"
    file.write_bytes(exported(boss, *clips))
    subprocess.run(["unzip", "-tq", str(file)], check=True)
    subprocess.run(["unzip", "-q", str(file), "-d", str(tmp_path / "out")], check=True)
    subprocess.run(["sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS"], cwd=tmp_path / "out", check=True)
    assert (tmp_path / "out/sky/clips" / clips[0].filename).read_bytes() == path_of(clips[0]).read_bytes()


def test_the_manifest_has_the_facts_of_each_file(clips: list[Clip], boss: Any) -> None:
    content = exported(boss, *clips)
    files = manifest_of(content)["files"]
    assert {file["id"] for file in files} == {str(clip.pk) for clip in clips}
    assert {file["state"] for file in files} == {"exported"}
    assert manifest_of(content)["written_by"] == "boss"
    assert "ERRORS.txt" not in opened(content).namelist()


def test_an_export_is_an_event(clips: list[Clip], boss: Any) -> None:
    exported(boss, *clips)
    event = Event.objects.get(kind="files.exported")
    assert event.actor == "boss"
    assert event.data == {"files": 3, "bytes": sum(clip.bytes for clip in clips)}


def test_a_file_that_is_missing_is_an_error_and_no_entry(clips: list[Clip], boss: Any) -> None:
    path_of(clips[1]).unlink()
    found = opened(exported(boss, *clips))
    assert clips[1].filename in found.read("ERRORS.txt").decode()
    assert clips[1].filename not in found.read("SHA256SUMS").decode()
    assert found.testzip() is None
    assert len(found.namelist()) == 5


def test_the_manifest_says_why_a_clip_is_missing(clips: list[Clip], boss: Any) -> None:
    path_of(clips[0]).unlink()
    [entry] = manifest_of(exported(boss, clips[0]))["files"]
    assert entry["state"] == "missing"
    assert entry["message"]


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"\1" + data[1:]], ids=["shorter", "other"])
def test_a_file_that_has_changed_is_an_error_and_no_entry(damage: Any, clips: list[Clip], boss: Any) -> None:
    path_of(clips[0]).write_bytes(damage(path_of(clips[0]).read_bytes()))
    content = exported(boss, *clips)
    names = opened(content).namelist()
    assert not [name for name in names if name.endswith(clips[0].filename)]
    assert clips[0].filename in opened(content).read("ERRORS.txt").decode()
    assert sorted(file["state"] for file in manifest_of(content)["files"]) == ["changed", "exported", "exported"]


def test_an_entry_that_was_begun_and_dropped_leaves_a_whole_file(clips: list[Clip], boss: Any, tmp_path: Path) -> None:
    path_of(clips[0]).write_bytes(b"\1" + path_of(clips[0]).read_bytes()[1:])
    file = tmp_path / "export.zip"
    file.write_bytes(exported(boss, *clips))
    subprocess.run(["unzip", "-tq", str(file)], check=True)


def test_a_file_that_is_cut_while_it_is_read_is_an_error(clips: list[Clip], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "CHUNK_BYTES", 1000)
    files = views.export_files(Clip.objects.filter(pk=clips[0].pk))
    parts = ExportStream(files, "boss").parts()
    begun = next(parts) + next(parts)
    os.truncate(path_of(clips[0]), 500)
    found = opened(begun + b"".join(parts))
    assert "became shorter" in found.read("ERRORS.txt").decode()
    assert sorted(found.namelist()) == ["ERRORS.txt", "SHA256SUMS", "manifest.json"]


def test_a_file_of_a_host_that_is_away_is_an_error_and_no_entry(clips: list[Clip], boss: Any) -> None:
    Clip.objects.filter(pk=clips[0].pk).update(host="dome")
    content = exported(boss, *clips)
    assert sorted(file["state"] for file in manifest_of(content)["files"]) == ["exported", "exported", "missing"]
    assert "camera host dome, which has announced no file server" in opened(content).read("ERRORS.txt").decode()


def test_names_that_differ_by_case_only_are_two_entries_on_any_system(clips: list[Clip]) -> None:
    Clip.objects.filter(pk=clips[0].pk).update(path="clips/sky/a/DEW.mp4")
    Clip.objects.filter(pk=clips[1].pk).update(path="clips/sky/b/dew.mp4")
    assert len({file.path.lower() for file in views.export_files(Clip.objects.all())}) == 3


def test_an_export_has_a_bound_that_is_said_before_anything_is_typed(
    clips: list[Clip], boss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = plan(boss, "export", *clips)
    monkeypatch.setattr(views, "MAX_FILES", 2)
    refused = plan(boss, "export", *clips).content.decode()
    assert "An export can have at most 2 files." in refused
    assert 'name="confirmation"' not in refused
    answer = confirm(boss, allowed, confirmation="3")
    assert answer.status_code == 400
    assert not Event.objects.filter(kind="files.exported").exists()


def test_the_files_of_a_capture_are_exported(world: World, boss: Any) -> None:
    answer = confirm(boss, plan(boss, "export", world.capture, address="/admin/captures/capture/"), confirmation="1")
    names = opened(asyncio.run(_bytes_of(answer))).namelist()
    assert f"sky/captures/{Capture.objects.get().pk}.jpg" in names


@given(st.lists(st.text(max_size=40), max_size=8))
def test_no_name_leaves_the_folder(texts: list[str]) -> None:
    names: set[str] = set()
    for text in texts:
        names.add(views.unused_path("sky/clips", text, names).lower())
    assert len(names) == len(texts)
    assert not [name for name in names if ".." in name.split("/") or name.startswith("/") or "\\" in name]


def test_a_stream_takes_constant_memory() -> None:
    def chunks() -> Iterator[bytes]:
        return (bytes(1 << 20) for _ in range(200))

    sizes = [len(part) for part in ZipStream().add_file("a.mp4", MOMENT, chunks())]
    assert sum(sizes) > 200 << 20
    assert max(sizes) < 2 << 20


def test_a_file_of_no_bytes_and_an_early_date_are_entries() -> None:
    stream = ZipStream()
    parts = [*stream.add_file("a", datetime(1970, 1, 1, tzinfo=UTC), iter([])), stream.end()]
    assert opened(b"".join(parts)).read("a") == b""


def test_a_stream_that_is_dropped_in_the_middle_of_a_file_is_no_error() -> None:
    stream = ZipStream()
    parts = stream.add_file("a", MOMENT, iter([b"1", b"2"]))
    next(parts)
    # A cycle: the collector ends its objects in any order.
    vars(stream)["unsent"] = parts
    del parts, stream
    gc.collect()


def test_an_export_reads_no_database(clips: list[Clip], django_assert_num_queries: Any) -> None:
    files: list[ZipEntry] = views.export_files(Clip.objects.all())
    with django_assert_num_queries(0):
        assert b"".join(ExportStream(files, "boss").parts())
