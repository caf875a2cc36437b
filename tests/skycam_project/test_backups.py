"""A backup: what is in its file, what is refused, and how many are kept."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from core.jobs.context import JobContext
from core.jobs.models import Job
from skycam_project.backups.archive import BackupFailed, read_archive, write_archive
from skycam_project.backups.encrypted_file import (
    CHUNK_BYTES,
    DecryptionError,
    EncryptedReader,
    EncryptedWriter,
    read_about,
)
from skycam_project.backups.jobs import back_up, copy_offsite, record_failure, start_due_backup
from skycam_project.backups.restoring import RestoreRefused, restore, scratch_prefix
from skycam_project.backups.service import (
    SCRATCH,
    OffsiteCopyBody,
    backup_folder,
    body_file,
    list_backups,
    make_backup,
    remove_abandoned,
    scratch_folder,
    write_body,
)
from skycam_project.config import SkycamConfig, load_config
from tests.harness.disks.small_disk import SmallDisk
from tests.harness.project import PROJECT
from tests.harness.rows.offsite import folder_destination
from tests.harness.stations.migrated_database import place_database

PHRASE = "correct horse battery"
SIZES = [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES]
"""Of the content, around the borders of chunks."""


def encrypted(content: bytes) -> bytes:
    file = io.BytesIO()
    with EncryptedWriter(file, PHRASE, {"station": "abc"}) as writer:
        writer.write(content)
    return file.getvalue()


def decrypted(file: bytes, phrase: str = PHRASE) -> bytes:
    with io.BufferedReader(EncryptedReader(io.BytesIO(file), phrase)) as reader:
        return reader.read()


@pytest.mark.parametrize("size", SIZES)
def test_what_was_encrypted_comes_back(size: int) -> None:
    content = os.urandom(size)
    assert decrypted(encrypted(content)) == content


def test_what_it_is_about_is_read_without_the_passphrase() -> None:
    assert read_about(io.BytesIO(encrypted(b"x"))) == {"station": "abc"}


def test_the_content_is_not_readable_in_the_file() -> None:
    assert b"secret" not in encrypted(b"secret" * 100)


def test_a_wrong_passphrase_is_named_as_such() -> None:
    with pytest.raises(DecryptionError, match="The passphrase is not that of this backup"):
        decrypted(encrypted(b"x"), "another passphrase")


def swapped(file: bytes) -> bytes:
    at = file.index(b"\n") + 1
    chunk = CHUNK_BYTES + 16
    return file[:at] + file[at + chunk : at + 2 * chunk] + file[at : at + chunk] + file[at + 2 * chunk :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a byte of the content": lambda file: file[:-1] + bytes([file[-1] ^ 1]),
    "what it is about": lambda file: file.replace(b"abc", b"abd", 1),
    "cut within a chunk": lambda file: file[: len(file) - 100],
    "cut between two chunks": lambda file: file[: file.index(b"\n") + 1 + CHUNK_BYTES + 16],
    "without chunks": lambda file: file[: file.index(b"\n") + 1],
    "chunks in another order": swapped,
    "something after its end": lambda file: file + b"x" * 100,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_file_that_is_not_what_was_written_is_refused(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(DecryptionError, match="damaged"):
        decrypted(damage(encrypted(os.urandom(3 * CHUNK_BYTES))))


@pytest.mark.parametrize("file", [b"", b"{}\n", b"\xff\xfe\n", b'{"file": "skycam-backup"}\n', b"x" * 100_000])
def test_another_file_is_no_backup(file: bytes) -> None:
    with pytest.raises(DecryptionError, match="no backup of Skycam"):
        decrypted(file)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "data/../../outside", "elsewhere/file"])
def test_a_member_that_leads_out_of_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "content").write_text("x")
    file = io.BytesIO()
    write_archive(file, PHRASE, {}, [(name, tmp_path / "content")])
    file.seek(0)
    with pytest.raises(DecryptionError, match="something that Skycam does not write"):
        read_archive(file, PHRASE, tmp_path / "inside", with_media=True)
    assert not (tmp_path / "outside").exists()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SkycamConfig:
    """Of a station with a report and a picture."""
    monkeypatch.setenv("SKYCAM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SKYCAM_BACKUP__KEEP", "2")
    monkeypatch.chdir(tmp_path)
    # Names are those of seconds: a format with microseconds lets several be made in one.
    monkeypatch.setattr("skycam_project.backups.service.NAME_TIME", "%Y%m%dT%H%M%S%fZ")
    place_database(tmp_path / "data")
    found = load_config()
    (found.data / "reports").mkdir()
    (found.data / "reports" / "night.html").write_text("a night")
    (found.data / "images" / "captures").mkdir()
    (found.data / "images" / "captures" / "a.jpg").write_bytes(b"a picture")
    return found


def made(config: SkycamConfig, *, media: bool = False) -> Path:
    body = make_backup(config, PHRASE, media=media, step=lambda _text: None)
    return config.data / "backups" / body["name"]


def test_a_restored_station_has_what_cannot_be_made_again_and_is_paused(config: SkycamConfig, tmp_path: Path) -> None:
    found = restore(made(config, media=True), PHRASE, tmp_path / "new", None)
    names = ("secret-key", "address-secret", "station", "reports/night.html", "images/captures/a.jpg")
    assert [(tmp_path / "new" / name).read_bytes() for name in names] == [
        (config.data / name).read_bytes() for name in names
    ]
    assert (tmp_path / "new" / "copied-from").read_text().startswith("main, ")
    assert not (tmp_path / "new" / "installation").exists()
    assert found.about["station"] == config.station.id


def test_pictures_are_in_it_only_if_wanted(config: SkycamConfig, tmp_path: Path) -> None:
    restore(made(config), PHRASE, tmp_path / "new", None)
    assert not (tmp_path / "new" / "images").exists()


def test_no_one_else_can_read_a_backup(config: SkycamConfig) -> None:
    file = made(config)
    assert [path.stat().st_mode & 0o077 for path in (file, file.parent)] == [0, 0]


def test_a_station_that_is_not_empty_stays_as_it_is(config: SkycamConfig) -> None:
    before = (config.data / "skycam.sqlite3").read_bytes()
    with pytest.raises(RestoreRefused, match="is not empty"):
        restore(made(config), PHRASE, config.data, None)
    assert (config.data / "skycam.sqlite3").read_bytes() == before


def test_a_refused_restore_leaves_nothing(config: SkycamConfig, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(made(config).read_bytes()[:-1])
    with pytest.raises(DecryptionError):
        restore(part, PHRASE, tmp_path / "new" / "data", None)
    assert list((tmp_path / "new").iterdir()) == []


def test_a_backup_of_sqlite_is_not_restored_beside_a_postgresql(config: SkycamConfig, tmp_path: Path) -> None:
    with pytest.raises(RestoreRefused, match="Remove DATABASE_URL"):
        restore(made(config), PHRASE, tmp_path / "new", "postgresql://me@127.0.0.1:1/nothing")


def test_a_short_passphrase_makes_no_backup(config: SkycamConfig) -> None:
    with pytest.raises(BackupFailed, match="at least 12 characters"):
        make_backup(config, "short", media=False, step=lambda _text: None)
    assert not (config.data / "backups").exists()


def test_a_damaged_database_is_not_backed_up_and_the_older_backup_stays(config: SkycamConfig) -> None:
    older = made(config)
    with (config.data / "skycam.sqlite3").open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 20)
    with pytest.raises(BackupFailed, match="damaged"):
        made(config)
    assert [one["name"] for one in list_backups(config)] == [older.name]
    assert sorted(path.name for path in older.parent.iterdir()) == [".lock", older.name, f"{older.name}.json"]


def test_the_newest_backups_are_kept(config: SkycamConfig) -> None:
    names = [made(config).name for _ in range(3)]
    assert [one["name"] for one in list_backups(config)] == [names[2], names[1]]
    assert not (config.data / "backups" / names[0]).exists()


def with_section(config: SkycamConfig, section: str, **values: str) -> SkycamConfig:
    return config.model_copy(update={section: getattr(config, section).model_copy(update=values)})


def test_a_station_does_not_count_the_backups_of_another_in_the_same_folder(config: SkycamConfig) -> None:
    other = with_section(config, "station", id="0123456789ab")
    first = made(other)
    newest = [made(config).name for _ in range(2)]
    assert [one["name"] for one in list_backups(config)] == newest[::-1]
    assert [one["name"] for one in list_backups(other)] == [first.name]
    assert first.exists()


def test_a_backup_that_was_fetched_from_elsewhere_stays(config: SkycamConfig) -> None:
    fetched = made(config)
    fetched.with_name(f"{fetched.name}.json").unlink()
    made(config)
    assert fetched.exists()


KILLED = """
import os, sys
from pathlib import Path
from skycam_project.backups.service import scratch_folder
with scratch_folder(Path(sys.argv[1]), sys.argv[2]) as folder:
    (folder / "rows").write_text("not encrypted")
    os.kill(os.getpid(), 9)
"""


def kill_within_a_scratch_folder(parent: Path, prefix: str) -> None:
    parent.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-c", KILLED, str(parent), prefix], cwd=PROJECT, check=False)
    [left] = parent.glob(f"{prefix}*")
    assert (left / "rows").exists()


def test_the_next_restore_removes_what_a_killed_one_has_left(config: SkycamConfig, tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    file = made(config)
    kill_within_a_scratch_folder(data.parent, scratch_prefix(data))
    restore(file, PHRASE, data, None)
    assert list(data.parent.iterdir()) == [data]


def test_the_next_backup_removes_what_a_killed_one_has_left(config: SkycamConfig) -> None:
    folder = config.data / "backups"
    kill_within_a_scratch_folder(folder, SCRATCH)
    made(config)
    assert list(folder.glob(f"{SCRATCH}*")) == []


def test_the_scratch_folders_of_others_and_of_living_processes_stay(tmp_path: Path) -> None:
    (tmp_path / ".scratch-of-a-person").mkdir()
    with scratch_folder(tmp_path, SCRATCH) as living:
        assert remove_abandoned(tmp_path, SCRATCH) == []
        assert sorted(tmp_path.iterdir()) == sorted([tmp_path / ".scratch-of-a-person", living])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    (tmp_path / "disk").mkdir()
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    disk.close()


def test_a_backup_for_which_the_disk_has_no_room_is_refused_with_figures(
    config: SkycamConfig, small_disk: SmallDisk
) -> None:
    elsewhere = config.model_copy(update={"backup": config.backup.model_copy(update={"folder": small_disk.path})})
    small_disk.leave(3_000_000)
    with pytest.raises(BackupFailed, match=r"No backup was made: .* has 3 MB free, and up to \d\d MB are needed"):
        make_backup(elsewhere, PHRASE, media=False, step=lambda _text: None)
    assert list(small_disk.path.glob("*backup*")) == []


def test_a_restore_for_which_the_disk_has_no_room_is_refused_with_figures(
    config: SkycamConfig, small_disk: SmallDisk
) -> None:
    file = made(config)
    small_disk.leave(3_000_000)
    with pytest.raises(RestoreRefused, match=r"Nothing was restored: .* has 3 MB free, and up to \d\d MB are needed"):
        restore(file, PHRASE, small_disk.path / "new", None)
    assert not (small_disk.path / "new").exists()


def start_and_run_due_backup() -> bool:
    """Whether one was due, and made."""
    is_new = start_due_backup()
    for job in Job.objects.filter(state="waiting"):
        back_up(JobContext(str(job.pk), job.arguments, None, "", lambda _: None))
        Job.objects.filter(pk=job.pk).update(state="done", ended_at=timezone.now())
    return is_new


@pytest.mark.django_db
def test_a_schedule_makes_a_backup_when_one_is_due(config: SkycamConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = config.backup.model_copy(update={"every": 7200, "passphrase": PHRASE})
    monkeypatch.setattr(settings, "STATION", config.model_copy(update={"backup": kept}))
    due = [start_and_run_due_backup(), start_and_run_due_backup()]
    [body] = list_backups(config)
    earlier = timezone.now() - timedelta(hours=2)
    write_body(config.data / "backups", {**body, "made": earlier.isoformat()})
    Job.objects.update(created_at=earlier)
    due.append(start_and_run_due_backup())
    assert due == [True, False, True]
    assert len(list_backups(config)) == 2


@pytest.mark.django_db
def test_why_a_backup_failed_is_said_although_the_database_takes_no_event(config: SkycamConfig) -> None:
    with connection.execute_wrapper(refuse_writes):
        record_failure("The database cannot be copied.")


def refuse_writes(*_: object) -> None:
    raise DatabaseError("database disk image is malformed")


@pytest.fixture
def offsite(config: SkycamConfig, db: None, tmp_path: Path) -> SkycamConfig:
    """With the destination `folder`."""
    folder_destination(tmp_path / "copies")
    return with_section(config, "backup", offsite="folder")


def sent(config: SkycamConfig, tmp_path: Path) -> Path:
    """A backup and its copy, which is returned."""
    body = make_backup(config, PHRASE, media=False, step=lambda _text: None)
    copy_offsite(config, body)
    return tmp_path / "copies" / "backups" / body["name"]


def copy_of_newest(config: SkycamConfig) -> OffsiteCopyBody:
    copy = list_backups(config)[0].get("offsite")
    assert copy
    return copy


def test_a_copy_off_site_is_verified_and_can_be_restored(offsite: SkycamConfig, tmp_path: Path) -> None:
    copy = sent(offsite, tmp_path)
    assert copy_of_newest(offsite)["verified"]
    assert restore(copy, PHRASE, tmp_path / "new", None).about["station"] == offsite.station.id


def test_as_many_are_kept_off_site_as_here(offsite: SkycamConfig, tmp_path: Path) -> None:
    copies = [sent(offsite, tmp_path) for _ in range(3)]
    assert [copy.exists() for copy in copies] == [False, True, True]
    assert [one["name"] for one in list_backups(offsite)] == [copies[2].name, copies[1].name]


def test_an_old_copy_that_cannot_be_removed_is_named_as_that(offsite: SkycamConfig, tmp_path: Path) -> None:
    oldest, _ = sent(offsite, tmp_path), sent(offsite, tmp_path)
    oldest.unlink()
    (oldest / "in the way").mkdir(parents=True)
    with pytest.raises(BackupFailed, match="The backup is here and at folder, but an older one could not be removed"):
        sent(offsite, tmp_path)
    assert copy_of_newest(offsite)["verified"]


def test_a_copy_that_failed_says_why_and_the_backup_is_here(offsite: SkycamConfig, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "copies")
    with pytest.raises(BackupFailed, match="The backup is here, but the copy at folder failed"):
        sent(offsite, tmp_path)
    assert not copy_of_newest(offsite)["verified"]
    assert copy_of_newest(offsite)["error"]


def test_why_a_copy_failed_is_said_although_it_cannot_be_noted(offsite: SkycamConfig, tmp_path: Path) -> None:
    body = make_backup(offsite, PHRASE, media=False, step=lambda _text: None)
    shutil.rmtree(tmp_path / "copies")
    note = body_file(backup_folder(offsite), body["name"])
    note.unlink()
    (note / "in the way").mkdir(parents=True)
    with pytest.raises(BackupFailed, match="The backup is here, but the copy at folder failed"):
        copy_offsite(offsite, body)


def test_a_destination_that_is_not_there_is_named(config: SkycamConfig, db: None, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="there is no destination 'second-site'"):
        sent(with_section(config, "backup", offsite="second-site"), tmp_path)
