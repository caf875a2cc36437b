"""Files of an archive from one host to another: in pieces over a real broker, resumed, and proven by their SHA-256."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from captures.models import Archive, ArchiveFile
from captures.storage.archives import transfer
from captures.storage.archives.copying import CopyStopped
from captures.storage.archives.jobs import make_archive
from captures.storage.archives.transfer import (
    REFUSED,
    ArchiveSender,
    SenderAway,
    answer_request,
    fetch_file,
    read_piece,
)
from core.broker import broker
from core.jobs.context import JobContext, JobError
from core.jobs.models import Job
from tests.harness.rows.captures import UNKNOWN

pytestmark = pytest.mark.django_db(transaction=True)
PIECE = 3000


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PIECE_BYTES", PIECE)


@pytest.fixture(autouse=True)
def new_connection() -> None:
    """Without the circuit breaker that an earlier test has opened."""
    broker.binary_connection.cache_clear()


@pytest.fixture
def file(archive: Archive) -> ArchiveFile:
    return ArchiveFile.objects.select_related("folder__root", "folder__archive").order_by("path")[0]


@pytest.fixture
def content(file: ArchiveFile) -> bytes:
    return Path(file.folder.root.path, file.folder.archive.folder, file.path).read_bytes()


@pytest.fixture(scope="module")
def shared_sender(shared_broker: Any) -> Iterator[None]:
    thread = ArchiveSender("main")
    thread.start()
    yield
    thread.stop()


@pytest.fixture
def sender(shared_sender: None, empty_broker: Any) -> None:
    """Answers for the host `main`; no one answers for `dome`."""


@pytest.fixture
def target(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "target", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def job() -> JobContext:
    return JobContext("job-1", {}, None, "ada", lambda _: None)


def written(target: int) -> bytes:
    return os.pread(target, 1 << 30, 0)


def test_a_file_arrives_whole(sender: None, file: ArchiveFile, content: bytes, target: int) -> None:
    assert len(content) > 2 * PIECE
    fetch_file(file, target, job())
    assert written(target) == content


def test_a_transfer_goes_on_where_it_was_interrupted(
    sender: None, file: ArchiveFile, content: bytes, target: int
) -> None:
    os.write(target, content[: PIECE + 100])
    fetch_file(file, target, job())
    assert written(target) == content


def test_nothing_is_left_in_the_broker(sender: None, empty_broker: Any, file: ArchiveFile, target: int) -> None:
    fetch_file(file, target, job())
    assert empty_broker.keys(broker.key("archive", "*")) == []


def test_a_host_that_is_away_is_named(
    empty_broker: Any, file: ArchiveFile, target: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "ANSWER_S", 1)
    file.folder.host = "dome"
    with pytest.raises(SenderAway, match="The host dome does not answer"):
        fetch_file(file, target, job())


def test_a_job_that_is_stopped_ends_the_transfer(empty_broker: Any, file: ArchiveFile, target: int) -> None:
    file.folder.host = "dome"
    context = job()
    context.stopping.set()
    with pytest.raises(CopyStopped):
        fetch_file(file, target, context)


def test_a_file_that_is_missing_is_refused(
    sender: None, file: ArchiveFile, target: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In one piece: answers to the others would come after the test.
    monkeypatch.setattr(transfer, "PIECE_BYTES", 1 << 20)
    Path(file.folder.root.path, file.folder.archive.folder, file.path).unlink()
    with pytest.raises(SenderAway, match="does not send a file of the archive"):
        fetch_file(file, target, job())


def test_only_files_of_archives_of_this_host_are_sent(file: ArchiveFile) -> None:
    assert read_piece("main", file.pk, 0)[:1] != REFUSED
    assert read_piece("dome", file.pk, 0)[:1] == REFUSED
    assert read_piece("main", file.folder.archive.pk, 0)[:1] == REFUSED


@pytest.mark.parametrize("content", [
    b"", b"[]", b"{}", b"\xff", b'{"file": "x", "offset": 0, "reply": "y"}',
    json.dumps({"file": UNKNOWN, "offset": 0, "reply": "celery"}).encode(),
])  # fmt: skip
def test_a_request_that_no_host_of_ours_sends_writes_nothing(content: bytes, empty_broker: Any, db: None) -> None:
    answer_request(broker.binary_connection(), "main", content)
    assert empty_broker.keys("*") == []


def test_a_file_that_does_not_arrive_whole_is_verified_by_its_host(
    empty_broker: Any, archive: Archive, file: ArchiveFile, content: bytes
) -> None:
    dome = archive.folders.create(host="dome", root=file.folder.root)
    place = {"camera": file.camera, "at": file.at, "bytes": file.bytes, "sha256": "0" * 64}
    far = ArchiveFile.objects.create(folder=dome, path=file.path, state="copied", **place)
    ArchiveFile.objects.create(folder=file.folder, path="attic/clips/a.mp4", gathered_from=far, **place)
    thread = ArchiveSender("dome")
    thread.start()
    with pytest.raises(JobError, match="is not the file"):
        make_archive(JobContext("job-1", {"archive": str(archive.pk)}, None, "ada", lambda _: None))
    thread.stop()
    assert Job.objects.get(kind="verify_archive").host == "dome"
