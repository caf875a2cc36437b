"""A file that takes longer than a job, or than the hours of its destination: each attempt gets further, also while the
copy is read back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from django.conf import settings

from captures.models import Destination, OffsiteCopy
from captures.storage.offsite import copy_rows
from captures.storage.offsite.destinations.folder import FolderSender
from captures.storage.offsite.destinations.port import Compared, FileUnreadable, Source, Upload
from captures.storage.offsite.destinations.s3 import S3Sender
from captures.storage.offsite.destinations.settings import S3Secret, S3Settings, SftpSecret, SftpSettings
from captures.storage.offsite.destinations.sftp import SftpSender
from captures.storage.offsite.jobs import save_upload
from captures.storage.offsite.states import CopyState
from tests.harness.far_ends.offsite.s3_server import BUCKET, KEYS
from tests.harness.far_ends.offsite.sshd import Sshd
from tests.harness.rows.offsite_attempts import Allowance, attempts

SIZE, ALLOWED = 3_000_000, 1_100_000
KEY = "main/root/clips/one.mp4"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "one.mp4"
    found.write_bytes(Random(35).randbytes(SIZE))
    return found


@pytest.fixture
def source(file: Path) -> Iterator[Source]:
    descriptor = os.open(file, os.O_RDONLY)
    yield Source(descriptor, SIZE, sha256(file.read_bytes()).hexdigest())
    os.close(descriptor)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "copies"
    found.mkdir()
    (found / ".skycam-offsite").write_text("ident")
    return found


def test_a_folder_gets_a_file_that_takes_longer_than_an_attempt(folder: Path, file: Path, source: Source) -> None:
    assert attempts(partial(FolderSender, str(folder), "ident"), source, KEY, ALLOWED) < 15
    assert (folder / KEY).read_bytes() == file.read_bytes()


@pytest.mark.slow
def test_sftp_gets_a_file_that_takes_longer_than_an_attempt(tmp_path: Path, file: Path, source: Source) -> None:
    server = Sshd(tmp_path)
    place, secret = SftpSettings.model_validate(server.settings), SftpSecret.model_validate(server.secret)
    opened = partial(SftpSender, place, secret, settings.STATION.outgoing, host_key=server.fingerprint)
    assert attempts(opened, source, KEY, ALLOWED) < 15
    assert (server.folder / "copies" / KEY).read_bytes() == file.read_bytes()
    server.stop()


def test_a_bucket_gets_a_file_that_takes_longer_than_an_attempt(source: Source, server: int) -> None:
    place = S3Settings(endpoint=f"http://127.0.0.1:{server}", bucket=BUCKET, access_key=KEYS["access_key"])
    secret = S3Secret(secret_key=KEYS["secret_key"])
    opened = partial(S3Sender, place, secret, settings.STATION.outgoing, part_bytes=500_000)
    assert attempts(opened, source, KEY, ALLOWED) < 10


def test_a_copy_that_was_damaged_between_two_attempts_is_found(folder: Path, source: Source) -> None:
    attempts(partial(FolderSender, str(folder), "ident"), source, KEY, ALLOWED)
    with (folder / KEY).open("r+b") as opened:
        opened.seek(2_000_000)
        opened.write(bytes(9))
    part = Upload(f"{Compared.PLACED}:1000000", again=True)
    sender = FolderSender(str(folder), "ident", Allowance(100_000_000))
    sender.put_file(source, KEY, part)
    assert part.id == ""
    assert sha256((folder / KEY).read_bytes()).hexdigest() == source.sha256


def test_a_file_that_changes_while_it_is_compared_is_not_called_a_damaged_copy(
    folder: Path, file: Path, source: Source
) -> None:
    attempts(partial(FolderSender, str(folder), "ident"), source, KEY, ALLOWED)
    with file.open("r+b") as opened:
        opened.write(bytes(9))
    sender = FolderSender(str(folder), "ident", Allowance(100_000_000))
    with pytest.raises(FileUnreadable, match="has changed"):
        sender.put_file(source, KEY, Upload(again=True))
    assert sha256((folder / KEY).read_bytes()).hexdigest() == source.sha256


@pytest.mark.django_db
def test_what_was_compared_at_one_place_does_not_count_at_another(folder_copies: Destination) -> None:
    copy = OffsiteCopy.objects.create(
        destination=folder_copies, table="clips", uuid=folder_copies.pk, file_class="rolling_clip", host="main",
        root=folder_copies.pk, path="x", bytes=SIZE, sha256="0" * 64, camera=folder_copies.pk,
        at="2026-01-01T00:00:00Z", key=KEY, state=CopyState.SENDING, attempts=1,
    )  # fmt: skip
    save_upload(copy, f"{Compared.SENT}:1000")
    copy_rows.compare_again(folder_copies)
    save_upload(copy, f"{Compared.SENT}:2000")
    copy.refresh_from_db()
    assert (copy.state, copy.upload) == ("queued", "")
