"""The verification of an archive: it reads everything again, says what is wrong, and mends what has a whole copy."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from captures.models import Archive, ArchiveFile, ArchiveFolder, Clip, Experiment, StorageRoot
from captures.storage.archives.services import advance, archive_path
from captures.storage.archives.verification import request_verification, verify_archive, verify_due
from core.events.models import Alert, Event
from core.jobs.context import JobContext
from core.jobs.models import Job
from tests.harness.rows.archives import request_archive
from tests.harness.rows.offsite import folder_destination, send


@pytest.fixture
def verify(archive: Archive, run_jobs: Any) -> Any:
    """Verifies the archive; returns the counts of what is wrong, with the row read again."""

    def run() -> dict[str, int]:
        request_verification(archive, "ada", user=None)
        [result] = run_jobs("verify_archive")
        archive.refresh_from_db()
        return {name: result[name] for name in ("missing", "changed", "extra", "mended") if result[name]}

    return run


def copy_of(archive: Archive, clip: Clip) -> Path:
    return Path(archive_path(archive), "sky", "clips", clip.filename)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def delete_source(clip: Clip, root: StorageRoot) -> None:
    Path(root.path, clip.path).unlink()
    clip.delete()


def alerts() -> list[str]:
    return list(Alert.objects.exclude(state="resolved").values_list("key", flat=True))


def test_a_whole_archive_is_whole(verify: Any, archive: Archive) -> None:
    assert verify() == {}
    assert archive.verification == "whole"
    assert ArchiveFile.objects.filter(verified_at=None).count() == 0
    assert Event.objects.get(kind="archive.verified").severity == "info"


def test_a_flipped_bit_is_found_and_mended_from_the_source(verify: Any, archive: Archive, clips: list[Clip]) -> None:
    copy = copy_of(archive, clips[0])
    whole = copy.read_bytes()
    flip_a_bit(copy)
    assert verify() == {"mended": 1}
    assert copy.read_bytes() == whole
    assert archive.verification == "whole"
    assert Event.objects.get(kind="archive.verified").severity == "warning"


def test_a_missing_file_is_mended_from_the_source(verify: Any, archive: Archive, clips: list[Clip]) -> None:
    copy_of(archive, clips[2]).unlink()
    assert verify() == {"mended": 1}
    assert copy_of(archive, clips[2]).exists()


def test_damage_without_a_whole_copy_is_stated_until_it_is_restored(
    verify: Any, archive: Archive, clips: list[Clip], root: StorageRoot
) -> None:
    copy = copy_of(archive, clips[0])
    whole = copy.read_bytes()
    flip_a_bit(copy)
    delete_source(clips[0], root)
    assert verify() == {"changed": 1}
    assert archive.verification == "faulty"
    assert alerts() == [f"archive.damaged:{archive.pk}"]
    copy.write_bytes(whole)
    assert verify() == {}
    assert archive.verification == "whole"
    assert alerts() == []


def test_damage_is_mended_from_the_off_site_copy(
    verify: Any, archive: Archive, clips: list[Clip], root: StorageRoot, tmp_path: Path
) -> None:
    send(folder_destination(tmp_path / "copies", classes=["archive"]))
    copy = copy_of(archive, clips[0])
    whole = copy.read_bytes()
    flip_a_bit(copy)
    delete_source(clips[0], root)
    assert verify() == {"mended": 1}
    assert copy.read_bytes() == whole
    assert archive.verification == "whole"


def test_damage_is_mended_from_the_off_site_copy_of_its_deleted_source(
    verify: Any, archive: Archive, clips: list[Clip], root: StorageRoot, tmp_path: Path
) -> None:
    send(folder_destination(tmp_path / "copies", classes=["rolling_clip", "manual_clip"]))
    copy = copy_of(archive, clips[0])
    whole = copy.read_bytes()
    flip_a_bit(copy)
    delete_source(clips[0], root)
    assert verify() == {"mended": 1}
    assert copy.read_bytes() == whole


def test_an_off_site_copy_that_is_damaged_too_mends_nothing_and_is_queued_again(
    verify: Any, archive: Archive, clips: list[Clip], root: StorageRoot, tmp_path: Path
) -> None:
    destination = folder_destination(tmp_path / "copies", classes=["archive"])
    send(destination)
    flip_a_bit(copy_of(archive, clips[0]))
    delete_source(clips[0], root)
    damaged = destination.copies.get(path__endswith=copy_of(archive, clips[0]).name)
    flip_a_bit(tmp_path / "copies" / damaged.key)
    assert verify() == {"changed": 1}
    damaged.refresh_from_db()
    assert damaged.state == "queued"


def test_a_source_that_is_damaged_too_mends_nothing(
    verify: Any, archive: Archive, clips: list[Clip], root: StorageRoot
) -> None:
    copy_of(archive, clips[0]).unlink()
    flip_a_bit(Path(root.path, clips[0].path))
    assert verify() == {"missing": 1}


def test_files_that_no_manifest_names_are_listed(verify: Any, archive: Archive) -> None:
    Path(archive_path(archive), "sky", "notes.txt").write_text("mine")
    Path(archive_path(archive), "sky", "link").symlink_to("/etc/passwd")
    assert verify() == {"extra": 2}
    assert ArchiveFolder.objects.get().extra == ["sky/link", "sky/notes.txt"]


def test_a_manifest_that_was_changed_is_written_again(verify: Any, archive: Archive) -> None:
    manifest = Path(archive_path(archive), "manifest.json")
    whole = manifest.read_bytes()
    manifest.write_text("{}")
    assert verify() == {"mended": 1}
    assert manifest.read_bytes() == whole


def test_one_file_that_cannot_be_mended_does_not_hide_the_faults_of_the_others(
    verify: Any, archive: Archive, clips: list[Clip], root: StorageRoot
) -> None:
    copy_of(archive, clips[0]).unlink()
    # Nothing can be renamed to its name, as on a disk that has become read-only.
    copy_of(archive, clips[0]).mkdir()
    flip_a_bit(copy_of(archive, clips[1]))
    delete_source(clips[1], root)
    assert verify() == {"changed": 2}
    assert archive.verification == "faulty"
    assert alerts() == [f"archive.damaged:{archive.pk}"]


def test_a_folder_in_the_place_of_the_manifest_is_reported(verify: Any, archive: Archive) -> None:
    manifest = Path(archive_path(archive), "manifest.json")
    manifest.unlink()
    manifest.mkdir()
    assert verify() == {"changed": 1}
    assert archive.verification == "faulty"


def test_a_pipe_in_the_place_of_the_readme_does_not_block_the_verification(verify: Any, archive: Archive) -> None:
    readme = Path(archive_path(archive), "README.txt")
    readme.unlink()
    os.mkfifo(readme)
    assert verify() == {"mended": 1}


def test_a_file_that_cannot_be_read_has_not_changed(
    verify: Any, archive: Archive, clips: list[Clip], root: StorageRoot
) -> None:
    folder = copy_of(archive, clips[0]).parent
    shutil.rmtree(folder)
    # A path through a file cannot be opened, also by root.
    folder.write_text("")
    verify()
    assert ArchiveFile.objects.order_by("path")[0].message.startswith("It cannot be read: Not a directory.")


def test_what_an_earlier_attempt_mended_is_reported_too(archive: Archive, clips: list[Clip], run_jobs: Any) -> None:
    flip_a_bit(copy_of(archive, clips[0]))
    request_verification(archive, "ada", user=None)
    job = Job.objects.get(kind="verify_archive")
    context = JobContext(str(job.pk), job.arguments, None, "ada", lambda _: context.stopping.set())
    assert verify_archive(context) == {}
    [result] = run_jobs("verify_archive")
    assert (result["files"], result["mended"]) == (3, 1)
    assert Event.objects.get(kind="archive.verified").severity == "warning"


def test_a_clock_that_was_set_back_does_not_make_files_count_as_read(
    verify: Any, archive: Archive, clips: list[Clip]
) -> None:
    ArchiveFile.objects.update(verified_at=timezone.now() + timedelta(days=1))
    flip_a_bit(copy_of(archive, clips[0]))
    assert verify() == {"mended": 1}


@pytest.fixture
def dome(archive: Archive, root: StorageRoot) -> ArchiveFolder:
    """The folder of another host, whose verification runs there."""
    folder = ArchiveFolder.objects.create(archive=archive, host="dome", root=root)
    request_verification(archive, user=None)
    Job.objects.filter(host="dome").update(state="running", lease_until=timezone.now())
    return folder


def test_an_archive_is_not_whole_before_each_host_has_read_its_files(
    verify: Any, archive: Archive, dome: ArchiveFolder
) -> None:
    verify()
    assert (archive.verification, archive.verified_at) == ("", None)


def test_an_archive_is_whole_since_the_oldest_verification_of_its_hosts(
    verify: Any, archive: Archive, dome: ArchiveFolder
) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    ArchiveFolder.objects.filter(pk=dome.pk).update(verified_at=yesterday)
    verify()
    assert (archive.verification, archive.verified_at) == ("whole", yesterday)


def test_a_new_version_of_the_software_changes_no_file_of_an_archive(
    verify: Any, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captures.storage.archives.manifest.version", lambda _: "99.0")
    assert verify() == {}


def test_files_that_an_interrupted_job_has_copied_do_not_change_the_sums(
    verify: Any, archive: Archive, clips: list[Clip]
) -> None:
    first = ArchiveFile.objects.order_by("path")[0]
    shutil.copy(copy_of(archive, clips[0]), copy_of(archive, clips[0]).with_name("late.mp4"))
    first.pk, first.clip, first.path = None, None, "sky/clips/late.mp4"
    first.save(force_insert=True)
    assert verify() == {}


def test_a_file_that_was_never_copied_and_is_mended_completes_the_archive(
    run: Experiment, clips: list[Clip], root: StorageRoot, run_jobs: Any
) -> None:
    source = Path(root.path, clips[0].path)
    content = source.read_bytes()
    source.unlink()
    archive = request_archive(run)
    run_jobs()
    source.write_bytes(content)
    request_verification(archive, user=None)
    run_jobs("verify_archive")
    archive.refresh_from_db()
    advance(archive)
    run_jobs()
    archive.refresh_from_db()
    assert (archive.state, archive.missing) == ("complete", [])
    assert {file["state"] for file in archive.content["files"]} == {"copied"}
    assert Path(archive_path(archive), "manifest.json").read_text() == archive.manifest


def test_an_archive_is_verified_again_after_some_days(archive: Archive, run_jobs: Any) -> None:
    verify_due()
    assert not Job.objects.filter(kind="verify_archive").exists()
    ArchiveFolder.objects.update(copied_at=timezone.now() - timedelta(days=31))
    verify_due()
    verify_due()
    assert Job.objects.filter(kind="verify_archive").count() == 1
    run_jobs("verify_archive")
    verify_due()
    assert Job.objects.filter(kind="verify_archive", state="waiting").count() == 0


def test_an_archive_whose_verification_failed_does_not_keep_the_others_from_theirs(
    archive: Archive, root: StorageRoot, camera: Camera
) -> None:
    run = Experiment.objects.create(name="Frost", state="archived", settled=True, still_interval_s=60)
    frost = Archive.objects.create(experiment=run, folder="frost", state="complete", wait_until=timezone.now())
    ArchiveFolder.objects.update(copied_at=timezone.now() - timedelta(days=40))
    frost.folders.create(host="main", root=root, copied_at=timezone.now() - timedelta(days=31))
    verify_due()
    Job.objects.filter(kind="verify_archive").update(state="failed", ended_at=timezone.now())
    failed = Job.objects.get(kind="verify_archive").subject
    verify_due()
    assert Job.objects.get(kind="verify_archive", state="waiting").subject != failed


def test_an_archive_that_was_verified_in_the_future_is_verified_again(archive: Archive) -> None:
    ArchiveFolder.objects.update(verified_at=timezone.now() + timedelta(days=400))
    verify_due()
    assert Job.objects.filter(kind="verify_archive").count() == 1
