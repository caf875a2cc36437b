"""Actions of the admin: a plan that changes nothing, a confirmation, a job, errors of single rows, events."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from django.db import DatabaseError

from cameras.models import Camera
from captures.models import Archive, Capture, Clip, Experiment, OffsiteCopy, StorageRoot
from captures.recordings.clips.services import hold_clip, mark_for_deletion
from captures.roots.roots import assign_root
from captures.storage.trash.services import trash_capture
from core.events.models import Alert, Event
from core.jobs.context import JobContext, JobError, ProgressMessage
from core.jobs.models import Job
from skycam_project.access.models import User
from skycam_project.admin.actions import table, views
from skycam_project.admin.actions.run import ActionRun, Outcome
from skycam_project.admin.actions.table import ACTIONS, ItemRequest
from skycam_project.admin.jobs import run_action
from tests.harness.clients.admin_actions import CLIPS, confirm, plan
from tests.harness.clients.people import World
from tests.harness.rows.captures import file_of, saved
from tests.harness.rows.offsite_rows import folder_destination_row


def messages_of(boss: Any, answer: Any) -> str:
    page: str = boss.get(answer["Location"]).content.decode()
    return page


class LaterStop(threading.Event):
    """A request to stop that comes after this number of looks for it."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks

    def is_set(self) -> bool:
        self.looks -= 1
        return self.looks < 0


class Reports:
    """A job without a worker. With `stop_after`, it is asked to stop after this number of rows."""

    def __init__(self, job: Job, stop_after: int | None = None, step_s: float = 2.0) -> None:
        self.messages: list[ProgressMessage] = []
        self.job, self.stop_after, self.seconds, self.step_s = job, stop_after, 0.0, step_s

    def run(self, checkpoint: dict[str, Any] | None = None, stopping: threading.Event | None = None) -> dict[str, Any]:
        job, stop = self.job, stopping or threading.Event()
        self.context = JobContext("id", job.arguments, checkpoint, job.requested_by, self.send, stop, self.clock)
        return run_action(self.context)

    def send(self, message: ProgressMessage) -> None:
        self.messages.append(message)
        if message["done"] == self.stop_after:
            self.context.stopping.set()

    def clock(self) -> float:
        """Two seconds later at each look, so that no report is dropped; or `step_s`."""
        self.seconds += self.step_s
        return self.seconds


def begun(boss: Any, action: str, *rows: Any, address: str = CLIPS) -> Job:
    """The job of an action that was planned and confirmed."""
    answer = confirm(boss, plan(boss, action, *rows, address=address), confirmation=str(len(rows)))
    assert answer["Location"] == "/jobs/?kind=admin_action"
    return Job.objects.get(kind="admin_action")


def test_a_plan_says_what_would_happen_and_changes_nothing(clips: list[Clip], boss: Any) -> None:
    Clip.objects.filter(pk=clips[0].pk).update(pinned=True)
    text = plan(boss, "pin", *clips).content.decode()
    assert "Pin: 2 clips" in text
    assert "1 left out: they are pinned already." in text
    assert str(clips[1]) in text
    assert Clip.objects.filter(pinned=True).count() == 1
    assert not Event.objects.filter(kind="files.action").exists()


def test_clips_are_pinned_with_a_reason(clips: list[Clip], boss: Any) -> None:
    confirm(boss, plan(boss, "pin", clips[0], clips[1]), reason="For the paper.")
    assert Clip.objects.filter(pinned=True).count() == 2
    event = Event.objects.get(kind="recording.pinned", subject=str(clips[0].pk))
    assert event.actor == "boss"
    assert event.data == {"pinned": True, "reason": "For the paper."}


def test_clips_are_unpinned_with_a_reason(clips: list[Clip], boss: Any) -> None:
    Clip.objects.update(pinned=True)
    confirm(boss, plan(boss, "unpin", clips[0]), reason="Enough.")
    assert Clip.objects.filter(pinned=True).count() == 2


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501, "a\u202eb"])
def test_a_pin_needs_a_readable_reason(reason: str, clips: list[Clip], boss: Any) -> None:
    answer = confirm(boss, plan(boss, "pin", clips[0]), reason=reason)
    assert answer.status_code == 400
    assert not Clip.objects.filter(pinned=True).exists()


def test_the_field_of_a_confirmation_says_the_number_to_type(clips: list[Clip], boss: Any) -> None:
    assert "Type the number of rows to confirm: 3</label>" in plan(boss, "verify", *clips).content.decode()


@pytest.mark.parametrize("typed", ["", "2", "4", "three", "-3"])
def test_a_wrong_confirmation_begins_nothing(typed: str, clips: list[Clip], boss: Any) -> None:
    answer = confirm(boss, plan(boss, "verify", *clips), confirmation=typed)
    assert answer.status_code == 400
    assert "Type the number of rows to confirm: 3." in answer.content.decode()
    assert not Job.objects.exists()


def test_a_confirmation_counts_again(clips: list[Clip], boss: Any) -> None:
    planned = plan(boss, "verify", *clips)
    mark_for_deletion(Clip.objects.filter(pk=clips[0].pk))
    assert confirm(boss, planned, confirmation="3").status_code == 400


def test_a_confirmation_of_someone_else_is_refused(clips: list[Clip], boss: Any, client: Any) -> None:
    planned = plan(boss, "pin", clips[0])
    other = User.objects.create_user("other", role="manager", is_staff=True, is_superuser=True)
    client.force_login(other)
    answer = confirm(client, planned, reason="Mine.")
    assert "belongs to someone else" in messages_of(client, answer)
    assert not Clip.objects.filter(pinned=True).exists()


def test_a_forged_selection_is_refused(clips: list[Clip], boss: Any) -> None:
    answer = boss.post(f"{CLIPS}action/pin/", {"selection": "forged:text:x", "reason": "x"})
    assert "not valid any more" in messages_of(boss, answer)


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({}, "Choose what to do"),
        ({"action": "purge"}, "Choose what to do"),
        ({"action": "pin"}, "Choose rows of the list first"),
        ({"action": "pin", "_selected_action": "' OR 1=1"}, "no valid id"),
    ],
)
def test_a_bad_form_of_a_list_is_refused(form: dict[str, str], sentence: str, clips: list[Clip], boss: Any) -> None:
    answer = boss.post(CLIPS, form)
    assert sentence in messages_of(boss, answer)


def test_all_rows_of_a_filter_are_chosen_without_their_ids(clips: list[Clip], boss: Any) -> None:
    Clip.objects.filter(pk=clips[0].pk).update(kind="manual")
    planned = boss.post(f"{CLIPS}?kind=rolling", {"action": "pin", "across": "yes"})
    assert "Pin: 2 clips" in planned.content.decode()
    confirm(boss, planned, reason="All rolling ones.")
    assert not Clip.objects.get(pk=clips[0].pk).pinned
    assert Clip.objects.filter(pinned=True).count() == 2


def test_rows_that_come_later_do_not_belong_to_a_selection(
    clips: list[Clip], boss: Any, camera: Any, root: Any
) -> None:
    from tests.harness.rows.clips import STARTED, clip_of

    planned = boss.post(f"{CLIPS}?kind=rolling", {"action": "pin", "across": "yes"})
    later = clip_of(camera, root, STARTED.replace(year=2025))
    confirm(boss, planned, reason="Three.")
    assert not Clip.objects.get(pk=later.pk).pinned


def test_a_clip_that_was_being_recorded_does_not_belong_to_a_confirmed_deletion(
    clips: list[Clip], boss: Any, camera: Any, root: Any
) -> None:
    from tests.harness.rows.clips import STARTED, clip_of

    confirm(boss, boss.post(f"{CLIPS}?kind=rolling", {"action": "delete", "across": "yes"}), confirmation="3")
    # The id of a clip is made when it begins, its row when it has ended or was recovered.
    late = clip_of(camera, root, STARTED, pk=UUID(int=1))
    assert Reports(Job.objects.get()).run()["done"] == 3
    assert list(Clip.objects.present()) == [late]


def test_a_deletion_of_what_a_search_found_does_not_go_on_to_older_rows(
    clips: list[Clip], boss: Any, camera: Any, root: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.harness.rows.clips import STARTED, clip_of

    clip_of(camera, root, STARTED.replace(year=2027))
    monkeypatch.setattr("skycam_project.admin.change_list.SEARCHED", 2)
    monkeypatch.setattr("skycam_project.admin.actions.run.BATCH", 1)
    confirm(boss, boss.post(f"{CLIPS}?q=.mp4", {"action": "delete", "across": "yes"}), confirmation="2")
    assert Reports(Job.objects.get()).run()["done"] == 2
    assert set(Clip.objects.present()) == {clips[1], clips[2]}


def test_a_capture_that_is_trashed_later_does_not_belong_to_a_confirmed_deletion(file: Any, boss: Any) -> None:
    newer = file_of(saved(file.capture.camera), file.root).capture
    trash_capture(newer, "boss")
    planned = boss.post(f"{CAPTURES}?trash=yes", {"action": "purge", "across": "yes"})
    confirm(boss, planned, confirmation="1")
    trash_capture(file.capture, "anna")
    assert Reports(Job.objects.get()).run()["done"] == 1
    assert Capture.objects.in_trash().get() == file.capture


def test_many_rows_are_a_job(clips: list[Clip], boss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "AT_ONCE", 2)
    confirm(boss, boss.post(CLIPS, {"action": "pin", "across": "yes"}), reason="Many.")
    job = Job.objects.get()
    assert not Clip.objects.filter(pinned=True).exists()
    assert Reports(job).run()["done"] == 3
    assert Clip.objects.filter(pinned=True).count() == 3


def test_a_job_has_an_event_with_its_actor(clips: list[Clip], boss: Any) -> None:
    job = begun(boss, "verify", *clips)
    event = Event.objects.get(kind="files.action")
    assert event.subject == str(job.pk)
    assert event.actor == "boss"
    assert event.data["rows"] == 3
    assert event.data["bytes"] == sum(clip.bytes for clip in clips)


def test_a_verification_reports_each_faulty_file_and_goes_on(clips: list[Clip], boss: Any) -> None:
    Path(clips[0].root.path, clips[0].path).unlink()
    Path(clips[1].root.path, clips[1].path).write_bytes(b"x" * clips[1].bytes)
    result = Reports(begun(boss, "verify", *clips)).run()
    assert (result["done"], result["failed"]) == (1, 2)
    assert {one["id"] for one in result["results"]} == {str(clips[0].pk), str(clips[1].pk)}
    assert result["problems"][0].startswith("2 rows have an error.")
    assert Alert.objects.filter(key=f"storage.missing:{clips[0].pk}").exists()
    assert Alert.objects.filter(key=f"storage.damaged:{clips[1].pk}").exists()


def test_a_row_with_an_error_is_not_reported_as_done(clips: list[Clip], boss: Any) -> None:
    Path(clips[0].root.path, clips[0].path).unlink()
    reports = Reports(begun(boss, "verify", clips[0], clips[1]))
    reports.run()
    assert reports.messages[-1]["sentence"] == "1 row verified, 1 with an error"


def test_a_disk_that_is_not_mounted_is_no_missing_file(clips: list[Clip], boss: Any, folder: Path) -> None:
    job = begun(boss, "verify", clips[0])
    folder.rename(folder.with_name("away"))
    result = Reports(job).run()
    assert result["failed"] == 1
    assert not Alert.objects.exists()


def test_a_job_that_is_cancelled_stops_and_another_attempt_goes_on(clips: list[Clip], boss: Any) -> None:
    job = begun(boss, "verify", *clips)
    first = Reports(job, stop_after=1)
    assert first.run()["done"] == 1
    second = Reports(job)
    assert second.run(first.messages[-1]["checkpoint"])["done"] == 3
    assert [message["done"] for message in second.messages] == [2, 3]


def test_rows_that_were_done_since_the_last_report_are_counted_after_a_stop(clips: list[Clip], boss: Any) -> None:
    first = Reports(begun(boss, "delete", *clips), step_s=0.0)
    first.run(stopping=LaterStop(2))
    assert Clip.objects.present().count() == 1
    assert Reports(first.job).run(first.messages[-1]["checkpoint"])["done"] == 3


def test_each_row_is_checked_again_at_its_turn(clips: list[Clip], boss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "AT_ONCE", 0)
    confirm(boss, plan(boss, "pin", *clips), reason="Changed meanwhile.")
    Clip.objects.filter(pk=clips[0].pk).update(pinned=True)
    mark_for_deletion(Clip.objects.filter(pk=clips[1].pk))
    result = Reports(Job.objects.get()).run()
    assert result["done"] == 1
    assert Event.objects.filter(kind="recording.pinned").count() == 1


def test_a_row_that_is_deleted_at_its_turn_is_left_out(clips: list[Clip], boss: Any) -> None:
    def delete_late(clip: Clip, request: ItemRequest) -> None:
        mark_for_deletion(Clip.objects.filter(pk=clip.pk))
        table.delete(clip, request)

    action = next(one for one in ACTIONS if one.apply is table.delete)._replace(apply=delete_late)
    run = ActionRun(action, Clip.objects.present(), ItemRequest("boss"), Outcome())
    assert len(list(run.run())) == 3
    assert (run.outcome.done, run.outcome.skipped, run.outcome.failed) == (0, 3, 0)


def test_a_form_that_is_sent_twice_begins_one_job(clips: list[Clip], boss: Any) -> None:
    planned = plan(boss, "verify", *clips)
    confirm(boss, planned, confirmation="3")
    confirm(boss, planned, confirmation="3")
    assert Job.objects.filter(kind="admin_action").count() == 1
    assert Event.objects.filter(kind="files.action").count() == 1


def test_a_job_without_its_event_does_not_begin(clips: list[Clip], boss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "record_event", mock.Mock(side_effect=DatabaseError))
    planned = plan(boss, "verify", *clips)
    with pytest.raises(DatabaseError):
        confirm(boss, planned, confirmation="3")
    assert not Job.objects.filter(kind="admin_action").exists()


def test_a_job_of_a_person_who_is_no_manager_any_more_fails(clips: list[Clip], boss: Any) -> None:
    job = begun(boss, "verify", *clips)
    User.objects.filter(username="boss").update(role="viewer")
    with pytest.raises(JobError, match="no manager any more"):
        Reports(job).run()


def test_a_verification_is_a_job_on_each_host(clips: list[Clip], boss: Any) -> None:
    Clip.objects.filter(pk=clips[0].pk).update(host="dome")
    confirm(boss, plan(boss, "verify", *clips), confirmation="3")
    jobs = {job.host: job for job in Job.objects.all()}
    assert set(jobs) == {"main", "dome"}
    assert Reports(jobs["main"]).run()["done"] == 2


def test_the_files_of_captures_are_verified(world: World, boss: Any) -> None:
    job = begun(boss, "verify", world.capture, address="/admin/captures/capture/")
    assert Reports(job).run()["done"] == 1


def test_an_experiment_is_archived(world: World, root: StorageRoot, boss: Any) -> None:
    address = "/admin/captures/experiment/"
    assign_root(root, "archives")
    Archive.objects.all().delete()
    assert (
        "1 left out: they have not started."
        in plan(boss, "archive", world.experiment, address=address).content.decode()
    )
    Experiment.objects.update(state="completed", started_at=world.clip.started_at, settled=True)
    job = begun(boss, "archive", world.experiment, address=address)
    result = Reports(job).run()
    assert (result["done"], result["failed"], result["skipped"]) == (1, 0, 0)
    found = Archive.objects.get()
    assert (found.experiment, found.requested_by, found.state) == (world.experiment, "boss", "waiting")


def test_an_experiment_that_cannot_be_archived_is_an_error_of_its_row(world: World, boss: Any) -> None:
    Archive.objects.all().delete()
    Experiment.objects.update(state="completed", started_at=world.clip.started_at, settled=True)
    result = Reports(begun(boss, "archive", world.experiment, address="/admin/captures/experiment/")).run()
    assert (result["done"], result["failed"]) == (0, 1)
    assert "has no storage root" in result["results"][0]["message"]
    assert not Archive.objects.exists()


def test_an_archive_is_verified_by_a_job_of_each_folder(world: World, boss: Any) -> None:
    job = begun(boss, "verify", world.archive, address="/admin/captures/archive/")
    assert Reports(job).run()["done"] == 1
    assert Job.objects.filter(kind="verify_archive", host="main").exists()


def test_each_action_is_for_managers() -> None:
    assert {action.role for action in ACTIONS} == {"manager"}


def test_names_of_actions_are_unique() -> None:
    names = [(action.model, action.name) for action in ACTIONS]
    assert len(set(names)) == len(names)


def test_a_viewer_cannot_act(clips: list[Clip], client: Any, camera: Camera) -> None:
    client.force_login(User.objects.create_user("eve", role="viewer"))
    plan(client, "pin", clips[0])
    assert client.post(f"{CLIPS}action/pin/", {"selection": "x"}).status_code == 302
    assert not Clip.objects.filter(pinned=True).exists()


CAPTURES = "/admin/captures/capture/"


def done(boss: Any, action: str, *rows: Any, address: str = CAPTURES) -> dict[str, Any]:
    """The result of an action's job."""
    Job.objects.filter(kind="admin_action").delete()
    return Reports(begun(boss, action, *rows, address=address)).run()


def test_a_capture_is_pinned_with_a_reason(file: Any, boss: Any) -> None:
    confirm(boss, plan(boss, "pin", file.capture, address=CAPTURES), reason="For the paper.")
    assert Event.objects.get(kind="capture.pinned").data["reason"] == "For the paper."


def test_a_capture_goes_to_the_trash_and_returns(file: Any, boss: Any) -> None:
    assert done(boss, "trash", file.capture)["done"] == 1
    assert Capture.objects.in_trash().count() == 1
    assert done(boss, "restore", file.capture)["done"] == 1
    assert Capture.objects.in_trash().count() == 0


def test_a_capture_in_the_trash_is_not_exported(file: Any, boss: Any) -> None:
    done(boss, "trash", file.capture)
    text = plan(boss, "export", file.capture, address=CAPTURES).content.decode()
    assert "1 left out: they are in the trash." in text
    assert "There is nothing to do." in text


def test_a_pinned_capture_stays_out_of_the_trash(file: Any, boss: Any) -> None:
    Capture.objects.update(pinned=True)
    text = plan(boss, "trash", file.capture, address=CAPTURES).content.decode()
    assert "1 left out: they are pinned." in text
    assert "There is nothing to do." in text


def test_a_capture_is_deleted_from_the_trash_for_good(file: Any, boss: Any) -> None:
    done(boss, "trash", file.capture)
    assert done(boss, "purge", file.capture)["done"] == 1
    assert not Path(file.root.path, file.path).exists()
    event = Event.objects.get(kind="capture.deleted")
    assert event.actor == "boss"
    assert "boss emptied it from the trash" in event.message


def test_a_capture_that_is_not_in_the_trash_is_not_deleted(file: Any, boss: Any) -> None:
    answer = confirm(boss, plan(boss, "purge", file.capture, address=CAPTURES), confirmation="0")
    assert answer.status_code == 400
    assert Path(file.root.path, file.path).exists()


def test_a_capture_without_its_off_site_copy_is_not_deleted(file: Any, boss: Any) -> None:
    done(boss, "trash", file.capture)
    folder_destination_row(classes=["capture"], keep_local=True)
    text = plan(boss, "purge", file.capture, address=CAPTURES).content.decode()
    assert "wait for an archive that copies them, or for their off-site copy" in text


def test_a_clip_is_deleted_unless_something_keeps_it(clips: list[Clip], boss: Any) -> None:
    Clip.objects.filter(pk=clips[0].pk).update(pinned=True)
    hold_clip(clips[1].pk, "experiment", "dew")
    text = plan(boss, "delete", *clips).content.decode()
    assert "Delete for good: 1 clip<" in text
    confirm(boss, plan(boss, "delete", *clips), confirmation="1")
    assert Reports(Job.objects.get()).run()["done"] == 1
    assert set(Clip.objects.present()) == {clips[0], clips[1]}


def test_a_clip_is_queued_for_its_off_site_copy(clips: list[Clip], boss: Any) -> None:
    assert "no enabled destination" in plan(boss, "offsite", clips[0]).content.decode()
    folder_destination_row(classes=[])
    assert done(boss, "offsite", clips[0], address=CLIPS)["done"] == 1
    assert OffsiteCopy.objects.get().uuid == clips[0].pk
    assert done(boss, "offsite", clips[0], address=CLIPS)["done"] == 1
    assert OffsiteCopy.objects.count() == 1
