"""The job `verify`: what it reads, what it reports, and that it goes on after a kill."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from django.utils import timezone

from cameras.models import Camera
from captures.files import verification
from captures.files.verification import close_damaged_alerts, verify_files
from captures.models import CaptureFile, StorageRoot
from core.events.selectors import unresolved_keys
from core.jobs import services
from core.jobs.claims import LEASE
from core.jobs.context import JobContext, ProgressMessage
from core.jobs.models import Job
from tests.harness.rows.clips import clip_of
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db
NewPicture = Callable[..., CaptureFile]
CONTENT = b"a picture"


class Reports:
    """What the job sent. With `stop_after`, it is asked to stop after this number of files. `then` is called after each
    file."""

    def __init__(self, stop_after: int | None = None, then: Callable[[], object] = lambda: None) -> None:
        self.messages: list[ProgressMessage] = []
        self.stop_after, self.then = stop_after, then
        self.seconds = 0.0

    def context(self, checkpoint: dict[str, Any] | None = None, **arguments: Any) -> JobContext:
        self.found = JobContext("id", arguments, checkpoint, "ada", self.send, clock=self.clock)
        return self.found

    def send(self, message: ProgressMessage) -> None:
        self.messages.append(message)
        if message["done"] == self.stop_after:
            self.found.stopping.set()
        self.then()

    def clock(self) -> float:
        """Two seconds later at each look, so that no report is dropped."""
        self.seconds += 2
        return self.seconds


def verify(**arguments: Any) -> dict[str, Any]:
    return verify_files(Reports().context(**arguments))


class Counts(NamedTuple):
    files: int
    missing: int = 0
    damaged: int = 0


def counts(result: dict[str, Any]) -> Counts:
    return Counts(result["files"], result["missing"], result["damaged"])


def damage(file: CaptureFile) -> Path:
    """Other bytes, as many."""
    path = Path(file.root.path, file.path)
    path.write_bytes(bytes(file.bytes))
    return path


def test_whole_files_of_captures_and_clips_are_counted(picture: NewPicture, camera: Camera, root: StorageRoot) -> None:
    picture(CONTENT)
    clip = clip_of(camera, root)
    result = verify()
    assert counts(result) == Counts(files=2)
    assert result["bytes"] == len(CONTENT) + clip.bytes
    assert result["results"] == []


def test_a_changed_file_raises_an_alert_until_it_is_restored(picture: NewPicture) -> None:
    file = picture(CONTENT)
    path = damage(file)
    result = verify()
    assert counts(result) == Counts(files=1, damaged=1)
    assert result["results"][0]["what"] == "damaged"
    assert unresolved_keys("storage.") == {f"storage.damaged:{file.pk}"}
    path.write_bytes(CONTENT)
    assert counts(verify()) == Counts(files=1)
    assert unresolved_keys("storage.") == set()


def test_the_alert_of_a_deleted_file_ends(picture: NewPicture) -> None:
    file = picture(CONTENT)
    damage(file)
    verify()
    file.delete()
    close_damaged_alerts()
    assert unresolved_keys("storage.") == set()


def test_a_file_that_is_gone_or_has_another_size_is_missing(picture: NewPicture) -> None:
    gone, short = picture(CONTENT), picture(CONTENT)
    Path(gone.root.path, gone.path).unlink()
    Path(short.root.path, short.path).write_bytes(b"")
    assert counts(verify()) == Counts(files=2, missing=2)
    assert unresolved_keys("storage.") == {f"storage.missing:{gone.pk}", f"storage.missing:{short.pk}"}


def test_a_clip_that_is_deleted_meanwhile_is_not_missing(
    camera: Camera, root: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = clip_of(camera, root)
    Path(root.path, clip.path).unlink()
    monkeypatch.setattr(verification, "still_exists", lambda row: clip.delete() and False)
    assert counts(verify()) == Counts(files=1)


def test_a_root_that_is_not_mounted_is_named_and_nothing_in_it_is_missing(picture: NewPicture, folder: Path) -> None:
    file = picture(CONTENT)
    Path(file.root.path, file.path).unlink()
    (folder / ".skycam-root").unlink()
    result = verify()
    assert counts(result) == Counts(files=0)
    assert unresolved_keys("storage.") == set()
    assert "is not mounted" in result["problems"][0]


def test_nothing_is_missing_in_a_root_that_is_unmounted_meanwhile(picture: NewPicture, folder: Path) -> None:
    for _ in range(3):
        picture(CONTENT)
    reports = Reports(then=lambda: folder.exists() and folder.rename(folder.with_name("unmounted")))
    result = verify_files(reports.context())
    assert counts(result) == Counts(files=1)
    assert unresolved_keys("storage.") == set()
    assert "is not mounted" in result["problems"][0]


def test_one_camera_and_a_time_can_be_chosen(picture: NewPicture, camera: Camera, root: StorageRoot) -> None:
    picture(CONTENT)
    clip_of(camera, root)
    other = Camera.objects.create(slug="other", name="Other", kind="simulated", host="main")
    assert counts(verify(camera=str(camera.pk))) == Counts(files=2)
    assert counts(verify(camera=str(other.pk))) == Counts(files=0)
    assert counts(verify(since="2026-03-29T00:00:00+00:00")) == Counts(files=1)


def test_files_of_another_host_are_left_to_it(picture: NewPicture) -> None:
    picture(CONTENT, host="dome")
    assert counts(verify()) == Counts(files=0)


def test_the_next_attempt_goes_on_at_the_checkpoint(picture: NewPicture) -> None:
    files = [picture(CONTENT) for _ in range(5)]
    damage(files[0])
    reports = Reports(stop_after=3)
    assert counts(verify_files(reports.context())) == Counts(files=3, damaged=1)
    again = Reports()
    assert counts(verify_files(again.context(reports.messages[-1]["checkpoint"]))) == Counts(files=5, damaged=1)
    assert [message["done"] for message in again.messages] == [4, 5]


def test_only_the_first_faulty_files_are_listed(picture: NewPicture) -> None:
    for _ in range(3):
        damage(picture(CONTENT))
    result = verify_files(Reports().context(), most_listed=1)
    assert counts(result) == Counts(files=3, damaged=3)
    assert len(result["results"]) == 1
    assert len(unresolved_keys("storage.")) == 1
    assert "Only the first 1" in result["problems"][0]


def test_a_host_without_files_is_refused(picture: NewPicture) -> None:
    shown = skycam("verify", "--host", "nowhere")
    assert shown.exit_code == 2
    assert Job.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_command_runs_the_job_and_reports(picture: NewPicture) -> None:
    file = picture(CONTENT)
    found = answer("verify", "sky")
    assert counts(found) == Counts(files=1)
    assert found["host"] == "main"
    assert Job.objects.get().camera == "sky"
    damage(file)
    shown = skycam("verify")
    assert shown.exit_code == 1
    assert "1 damaged." in shown.stdout
    assert file.path in shown.stdout


@pytest.mark.django_db(transaction=True)
def test_the_command_says_that_it_waits_for_another_job(picture: NewPicture, monkeypatch: pytest.MonkeyPatch) -> None:
    lease_until = timezone.now() + timedelta(seconds=LEASE.length_s)
    Job.objects.create(kind="integrity", host="main", state="running", worker="killed", lease_until=lease_until)
    picture(CONTENT)

    def end_the_lease(seconds: float) -> None:
        Job.objects.filter(worker="killed").update(lease_until=timezone.now())

    monkeypatch.setattr(services, "time", SimpleNamespace(monotonic=time.monotonic, sleep=end_the_lease))
    shown = skycam("verify")
    assert shown.exit_code == 0
    assert "Another job runs on main; this one waits for it" in shown.stderr


@pytest.mark.django_db(transaction=True)
def test_the_command_does_not_wait_for_a_job_that_no_one_runs(picture: NewPicture) -> None:
    Job.objects.create(kind="clip_cleanup", host="main")
    picture(CONTENT)
    shown = skycam("verify")
    assert shown.exit_code == 0
    assert "Another job" not in shown.stderr
