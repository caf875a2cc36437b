"""Files that only a bucket has come back to their host. The server is moto's."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils import timezone

from captures.models import Capture, CaptureFile, OffsiteCopy
from captures.roots.models import Kept
from captures.storage.bring_back.jobs import bring_back
from captures.storage.offsite.restore import PART, part_name
from captures.storage.offsite.states import CopyState
from captures.storage.retention.capture_rules import MOVES
from captures.storage.retention.cleanup import ClipCleanup
from core.events.models import Event
from core.jobs.context import JobContext, JobError
from core.jobs.models import Job
from tests.harness.clients.responses import content
from tests.harness.far_ends.offsite.s3_server import BUCKET, client
from tests.harness.kills.killed_job import KILLED, exit_status
from tests.harness.rows.captures import PICTURE
from tests.harness.rows.offsite import bucket, folder_destination, leave_to_copies, send


@pytest.fixture
def away(old: CaptureFile, server: int) -> CaptureFile:
    """Its only copy is in the bucket."""
    assert send(bucket(server))["files"] == 1
    leave_to_copies(old)
    return old


@pytest.fixture
def url(old: CaptureFile) -> str:
    return f"/api/v1/captures/{old.capture_id}/bring-back/"


def configure(monkeypatch: pytest.MonkeyPatch, **sections: dict[str, float]) -> None:
    changed = {name: getattr(settings.STATION, name).model_copy(update=values) for name, values in sections.items()}
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update=changed))


def path_of(file: CaptureFile) -> Path:
    return Path(file.root.path, file.path)


def kept(file: CaptureFile) -> str:
    return CaptureFile.objects.get(pk=file.pk).kept


def run(stop: bool = False, **selection: Any) -> dict[str, Any]:
    """The job, in this process."""
    arguments = {"selection": selection, "until": "2100-01-01T00:00:00Z"}
    context = JobContext("job-1", arguments, None, "ada", lambda _: None)
    if stop:
        context.stopping.set()
    return bring_back(context)


def run_waiting() -> dict[str, Any]:
    job = Job.objects.get(kind="bring_back")
    return bring_back(JobContext(str(job.pk), job.arguments, None, job.requested_by, lambda _: None))


def test_an_operator_brings_a_capture_back(operator: Any, viewer: Any, away: CaptureFile, url: str) -> None:
    answer = operator.post(url, {"days": 3}, format="json")
    assert answer.status_code == 202
    assert (answer.json()["files"], answer.json()["bytes"]) == (1, len(PICTURE))
    assert run_waiting()["files"] == 1
    assert path_of(away).read_bytes() == PICTURE
    assert [path.name for path in path_of(away).parent.iterdir()] == [path_of(away).name]
    body = viewer.get(f"/api/v1/captures/{away.capture_id}/").json()
    assert body["files"][0]["kept"] == "here"
    assert content(viewer.get(f"/api/v1/captures/{away.capture_id}/file/")) == PICTURE
    event = Event.objects.get(kind="offsite.restored")
    assert (event.actor, event.data["files"]) == ("a-operator", 1)
    assert timedelta(days=2.9) < OffsiteCopy.objects.get().here_until - timezone.now() < timedelta(days=3)


def test_a_second_request_joins_the_job_and_one_after_it_needs_none(operator: Any, away: CaptureFile, url: str) -> None:
    first, second = (operator.post(url).json()["jobs"] for _ in range(2))
    assert [job["id"] for job in first] == [job["id"] for job in second]
    run_waiting()
    again = operator.post(url)
    assert (again.status_code, again.json()["jobs"]) == (200, [])


def test_a_viewer_and_a_stranger_bring_nothing_back(viewer: Any, stranger: Any, away: CaptureFile, url: str) -> None:
    assert [viewer.post(url).status_code, stranger.post(url).status_code] == [403, 403]
    assert not Job.objects.exists()


def test_retention_leaves_a_file_that_came_back_until_its_time_is_over(
    away: CaptureFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(capture=str(away.capture_id))
    configure(monkeypatch, retention={"capture_offsite_days": 1 / 24})
    assert ClipCleanup(settings.STATION.host).run().moved == []
    OffsiteCopy.objects.update(here_until=timezone.now() - timedelta(seconds=1))
    assert len(ClipCleanup(settings.STATION.host).run().moved) == 1
    assert not path_of(away).exists()


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_file_that_is_being_moved_comes_back(
    is_deleted: bool, old: CaptureFile, server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(bucket(server))
    configure(monkeypatch, retention={"capture_offsite_days": 1 / 24})
    assert MOVES["captures"].mark(list(MOVES["captures"].select([old.root], (), None))) == [str(old.pk)]
    if is_deleted:
        path_of(old).unlink()
    run(capture=str(old.capture_id))
    assert ClipCleanup(settings.STATION.host).run().moved == []
    assert (kept(old), path_of(old).read_bytes()) == ("here", PICTURE)


def test_a_move_that_begins_before_the_request_ends_here(
    old: CaptureFile, server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(bucket(server))
    configure(monkeypatch, retention={"capture_offsite_days": 1 / 24})
    MOVES["captures"].mark(list(MOVES["captures"].select([old.root], (), None)))
    OffsiteCopy.objects.update(here_until=timezone.now() + timedelta(days=1))
    assert ClipCleanup(settings.STATION.host).run().moved == []
    assert (kept(old), path_of(old).read_bytes()) == ("here", PICTURE)


def test_a_disk_without_space_refuses_before_anything_begins(
    operator: Any, away: CaptureFile, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, camera_config={"soft_floor_gb": 1e9})
    answer = operator.post(url)
    assert answer.status_code == 507
    assert "must stay free there" in answer.json()["detail"]
    assert not Job.objects.exists()
    with pytest.raises(JobError, match="must stay free there") as refused:
        run(capture=str(away.capture_id))
    assert refused.value.permanent
    assert kept(away) == "offsite"


def test_a_plan_says_what_would_come_back_and_changes_nothing(manager: Any, away: CaptureFile) -> None:
    wanted = {"dry_run": True, "camera": away.capture.camera.slug}
    answer = manager.post("/api/v1/offsite/bring-back/", wanted, format="json")
    assert answer.status_code == 200
    [root] = answer.json()["roots"]
    assert (root["files"], root["bytes"], root["lost"], root["problem"]) == (1, len(PICTURE), 0, "")
    assert root["free_bytes"] > 0
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "wanted", [{}, {"days": 3}, {"camera": "bench", "days": 0}, {"camera": "../"}, {"everything": True},
               {"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}]
)  # fmt: skip
def test_a_request_that_says_nothing_clear_is_refused(wanted: dict[str, Any], manager: Any, away: CaptureFile) -> None:
    assert manager.post("/api/v1/offsite/bring-back/", wanted, format="json").status_code == 400
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["camera", "destination", "experiment", "archive", "capture"])
def test_a_request_for_something_that_does_not_exist_is_refused(name: str, manager: Any, away: CaptureFile) -> None:
    wanted = {name: {"camera": "nosuch"}.get(name, str(uuid4()))}
    answer = manager.post("/api/v1/offsite/bring-back/", wanted, format="json")
    assert answer.status_code == 400
    assert f"There is no {name} '{wanted[name]}'." in json.dumps(answer.json())


@pytest.mark.parametrize("wanted", ["camera", "destination", "from", "experiment"])
def test_only_what_is_chosen_comes_back(wanted: str, away: CaptureFile) -> None:
    unknown = "0193a000-0000-7000-8000-000000000001"
    value = {"camera": "other", "from": timezone.now().isoformat()}.get(wanted, unknown)
    assert run(**{wanted: value})["files"] == 0
    assert kept(away) == "offsite"


def test_a_copy_that_is_damaged_does_not_come_back_and_the_other_does(
    away: CaptureFile, server: int, tmp_path: Path
) -> None:
    path_of(away).write_bytes(PICTURE)
    CaptureFile.objects.update(kept=Kept.HERE)
    other = folder_destination(tmp_path / "copies")
    send(other)
    OffsiteCopy.objects.filter(destination=other).update(verified_at=timezone.now() - timedelta(days=1))
    leave_to_copies(away)
    damage(server)
    assert run(capture=str(away.capture_id)) | {"until": ""} == {
        "files": 1, "bytes": len(PICTURE), "lost": 0, "until": "", "problems": [],
    }  # fmt: skip
    assert path_of(away).read_bytes() == PICTURE
    # It was dead while there was nothing here to send.
    assert OffsiteCopy.objects.exclude(destination=other).get().state == "queued"


def test_the_only_copy_that_is_damaged_stays_away_and_is_counted_as_lost(away: CaptureFile, server: int) -> None:
    damage(server)
    result = run(capture=str(away.capture_id))
    assert (result["files"], result["lost"]) == (0, 1)
    assert "is damaged" in result["problems"][0]
    assert (kept(away), path_of(away).exists()) == ("offsite", False)
    assert list(path_of(away).parent.iterdir()) == []
    assert OffsiteCopy.objects.get().state == "verified"


def test_another_file_in_its_place_is_not_replaced(away: CaptureFile) -> None:
    path_of(away).write_bytes(b"a file that somebody put here")
    result = run(capture=str(away.capture_id))
    assert (result["files"], result["lost"]) == (0, 0)
    assert "Another file is in its place here" in result["problems"][0]
    assert (kept(away), path_of(away).read_bytes()) == ("offsite", b"a file that somebody put here")
    assert [path.name for path in path_of(away).parent.iterdir()] == [path_of(away).name]


class Saving:
    """Somebody who saves a file at `path` while its own one is being written beside it. In the place of what tells a
    job to stop, which is asked all the time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_set(self) -> bool:
        if list(self._path.parent.glob(f".*{PART}")):
            self._path.write_bytes(b"a file that somebody put here")
        return False


def test_a_file_that_appears_in_its_place_while_it_is_fetched_is_not_replaced(away: CaptureFile) -> None:
    arguments = {"selection": {"capture": str(away.capture_id)}, "until": "2100-01-01T00:00:00Z"}
    context = JobContext("job-1", arguments, None, "ada", lambda _: None)
    context.stopping = Saving(path_of(away))  # type: ignore[assignment]
    result = bring_back(context)
    assert (result["files"], result["lost"]) == (0, 0)
    assert "Another file is in its place here" in result["problems"][0]
    assert (kept(away), path_of(away).read_bytes()) == ("offsite", b"a file that somebody put here")
    assert [path.name for path in path_of(away).parent.iterdir()] == [path_of(away).name]


def test_a_kill_between_both_names_of_a_file_leaves_one(away: CaptureFile) -> None:
    path_of(away).write_bytes(PICTURE)
    path_of(away).with_name(part_name(away.sha256)).hardlink_to(path_of(away))
    assert run(capture=str(away.capture_id))["files"] == 1
    assert [path.name for path in path_of(away).parent.iterdir()] == [path_of(away).name]


def test_a_file_is_not_lost_while_one_of_its_destinations_is_away(
    away: CaptureFile, server: int, tmp_path: Path
) -> None:
    path_of(away).write_bytes(PICTURE)
    CaptureFile.objects.update(kept=Kept.HERE)
    # The newest copy is the first that is tried.
    folder = tmp_path / "copies"
    send(folder_destination(folder))
    leave_to_copies(away)
    damage(server)
    folder.rename(tmp_path / "away")
    with pytest.raises(JobError):
        run(capture=str(away.capture_id))


def test_a_destination_that_is_away_ends_the_attempt_with_its_reason(away: CaptureFile) -> None:
    away_place = OffsiteCopy.objects.get().destination
    away_place.settings |= {"endpoint": "http://127.0.0.1:1"}
    away_place.save()
    with pytest.raises(JobError) as failed:
        run(capture=str(away.capture_id))
    assert not failed.value.permanent
    assert kept(away) == "offsite"


def test_a_job_that_is_cancelled_leaves_the_rest_away(away: CaptureFile) -> None:
    assert run(stop=True, capture=str(away.capture_id))["files"] == 0
    assert (kept(away), path_of(away).exists()) == ("offsite", False)


def test_a_capture_that_was_deleted_meanwhile_does_not_come_back(away: CaptureFile) -> None:
    Capture.objects.update(trashed_at=timezone.now())
    assert run(camera=away.capture.camera.slug)["files"] == 0
    assert kept(away) == "offsite"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["after_files_held", "after_part_written", "after_file_placed", "after_row_here"])
def test_after_a_kill_the_next_attempt_brings_the_file_back(point: str, away: CaptureFile, url: str) -> None:
    assert exit_status("bring_back_process", point, away.capture.camera.slug) == KILLED
    run(capture=str(away.capture_id))
    assert (kept(away), path_of(away).read_bytes()) == ("here", PICTURE)
    assert [path.name for path in path_of(away).parent.iterdir()] == [path_of(away).name]
    assert OffsiteCopy.objects.get().state == CopyState.VERIFIED


def damage(server: int) -> None:
    far: Any = client(server)
    copy = OffsiteCopy.objects.get(destination__kind="s3")
    far.put_object(Bucket=BUCKET, Key=copy.key, Body=b"\1" + PICTURE[1:])
