"""Lists and details of the admin: they show every model, change nothing, and filter."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin import ModelAdmin
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from cameras.models import Camera
from captures.days import Day
from captures.models import Archive, ArchiveFile, Capture, CaptureFile, Clip, Experiment, Session, StorageRoot
from captures.recordings.clips.services import hold_clip
from core.events.service import raise_alert
from core.jobs.models import Job
from skycam_project.admin import change_list
from skycam_project.admin.site import MODELS, SITE
from tests.harness.clients.pages import text_of
from tests.harness.clients.people import World
from tests.harness.rows.captures import PLACES, remote
from tests.harness.rows.clips import STARTED, clip_of, row_of

MODELS_SHOWN = [Clip, Capture, Session, Experiment, Archive, Job, Camera, StorageRoot]
CLIPS = "/admin/captures/clip/"
EDITS = {"path": "x", "name": "x", "state": "failed", "_save": "Save", "note": "x"}


def list_of(model: type[Model]) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def row_in(model: Any) -> Any:
    return model.objects.get() if model is not Job else model.objects.first()


def found(boss: Any, query: str, address: str = CLIPS) -> set[str]:
    """The ids of the rows that the list shows."""
    answer = boss.get(f"{address}?{query}")
    assert answer.status_code == 200
    return {str(row.pk) for row in answer.context["cl"].result_list}


def listed(boss: Any, query: str) -> list[Any]:
    """The ids of the captures that the list shows, in its order."""
    return [row.pk for row in boss.get(f"{list_of(Capture)}?{query}").context["cl"].result_list]


def second_file(capture: Capture) -> CaptureFile:
    """A RAW file beside the picture of the capture."""
    first = capture.files.get()
    return CaptureFile.objects.create(
        capture=capture, kind="raw", place=1, host=first.host, root=first.root, path=f"{first.path}.cr2", bytes=7,
        sha256="0" * 64,
    )  # fmt: skip


def archived_copy(world: World, file: CaptureFile) -> ArchiveFile:
    """A verified copy of the file."""
    return ArchiveFile.objects.create(
        folder=world.archived.folder, capture_file=file, path=file.path, camera=world.archived.camera, bytes=file.bytes,
        sha256=file.sha256, state="copied", at=STARTED, copied_at=STARTED, verified_at=STARTED,
    )  # fmt: skip


def ids(*rows: Any) -> set[str]:
    return {str(row.pk) for row in rows}


def test_the_admin_shows_these_models() -> None:
    assert list(MODELS) == MODELS_SHOWN


@pytest.mark.parametrize("model", MODELS_SHOWN)
def test_each_model_has_a_list_and_a_detail(model: Any, world: World, boss: Any) -> None:
    assert boss.get(list_of(model)).status_code == 200
    assert boss.get(f"{list_of(model)}{row_in(model).pk}/").status_code == 200


@pytest.mark.parametrize("model", MODELS_SHOWN)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_no_request_changes_a_row(model: Any, method: str, world: World, boss: Any) -> None:
    row = row_in(model)
    before = model.objects.filter(pk=row.pk).values().get()
    answer = boss.generic(method, f"{list_of(model)}{row.pk}/", "name=x&_save=1", "application/x-www-form-urlencoded")
    assert answer.status_code == 405
    assert model.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("model", MODELS_SHOWN)
@pytest.mark.parametrize("end", ["add/", "{pk}/change/", "{pk}/delete/", "{pk}/history/"])
def test_there_are_no_forms(model: Any, end: str, world: World, boss: Any) -> None:
    assert boss.get(list_of(model) + end.format(pk=row_in(model).pk)).status_code == 404


@pytest.mark.parametrize("model", MODELS_SHOWN)
def test_nothing_may_be_added_changed_or_deleted(model: Any, rf: Any) -> None:
    model_admin: ModelAdmin[Any] = SITE.get_model_admin(model)
    request = rf.get("/")
    assert not model_admin.has_add_permission(request)
    assert not model_admin.has_change_permission(request)
    assert not model_admin.has_delete_permission(request)


def test_djangos_delete_selected_does_nothing(clips: list[Clip], boss: Any) -> None:
    boss.post(CLIPS, {"action": "delete_selected", "_selected_action": [clips[0].pk], "post": "yes"})
    assert Clip.objects.count() == 3


def test_a_filter_that_does_not_exist_is_refused(clips: list[Clip], boss: Any) -> None:
    assert boss.get(f"{CLIPS}?path__contains=x").status_code == 400


def test_an_order_in_the_address_is_ignored(clips: list[Clip], boss: Any) -> None:
    rows = boss.get(f"{CLIPS}?o=5").context["cl"].result_list
    assert [row.pk for row in rows] == [clip.pk for clip in clips]


def test_clips_are_filtered_by_camera(clips: list[Clip], root: StorageRoot, boss: Any) -> None:
    other = Camera.objects.create(slug="other", name="Other", kind="simulated", host="main")
    one = clip_of(other, root)
    assert found(boss, f"camera={other.pk}") == ids(one)


def test_clips_are_filtered_by_kind_pin_and_hold(clips: list[Clip], boss: Any) -> None:
    Clip.objects.filter(pk=clips[0].pk).update(kind="manual", pinned=True)
    hold_clip(clips[1].pk, "experiment", "dew")
    assert found(boss, "kind=manual") == ids(clips[0])
    assert found(boss, "pinned=yes") == ids(clips[0])
    assert found(boss, "pinned=no") == ids(clips[1], clips[2])
    assert found(boss, "held=yes") == ids(clips[1])
    assert found(boss, "held=no") == ids(clips[0], clips[2])


@pytest.mark.parametrize(
    ("size", "band"),
    [(9_999_999, "10mb"), (10_000_000, "100mb"), (99_999_999, "100mb"), (100_000_000, "1gb"), (1_000_000_000, "more")],
)
def test_clips_are_filtered_by_size(size: int, band: str, clips: list[Clip], boss: Any) -> None:
    Clip.objects.update(bytes=10_000_000_000)
    Clip.objects.filter(pk=clips[0].pk).update(bytes=size)
    assert str(clips[0].pk) in found(boss, f"size={band}")
    assert str(clips[0].pk) not in found(boss, "size=more" if band != "more" else "size=1gb")


def test_clips_are_filtered_by_the_evening_of_their_night(
    clips: list[Clip], camera: Camera, root: StorageRoot, boss: Any
) -> None:
    later = clip_of(camera, root, STARTED + timedelta(days=1, hours=14))
    night = Day.of(later.started_at, "night").date
    assert found(boss, f"night={night}") == ids(later)
    assert found(boss, "night=2026-13-45") == ids(*clips, later)


def test_missing_and_corrupt_clips_are_found_by_their_alerts(clips: list[Clip], boss: Any) -> None:
    raise_alert(f"storage.missing:{clips[0].pk}", "The file is missing.", camera=None)
    raise_alert(f"storage.damaged:{clips[1].pk}", "The content has changed.", camera=None)
    raise_alert("storage.missing:17", "The file of a capture is missing.", camera=None)
    assert found(boss, "fault=missing") == ids(clips[0])
    assert found(boss, "fault=corrupt") == ids(clips[1])


def test_a_missing_file_of_a_capture_finds_the_capture(world: World, boss: Any) -> None:
    file = world.capture.files.get()
    assert found(boss, "fault=missing", list_of(Capture)) == set()
    raise_alert(f"storage.missing:{file.pk}", "The file is missing.", camera=None)
    assert found(boss, "fault=missing", list_of(Capture)) == ids(world.capture)


def test_a_capture_with_two_files_is_found_once(world: World, boss: Any) -> None:
    files = [world.capture.files.get(), second_file(world.capture)]
    raise_alert(f"storage.missing:{files[0].pk}", "The file is missing.", camera=None)
    raise_alert(f"storage.missing:{files[1].pk}", "The file is missing.", camera=None)
    for_missing, for_path = listed(boss, "fault=missing"), listed(boss, "q=captures/")
    assert for_missing == for_path == [world.capture.pk]


def test_a_plan_of_a_filter_has_the_bytes_of_all_files_of_a_capture(world: World, boss: Any) -> None:
    first, second = world.capture.files.get(), second_file(world.capture)
    raise_alert(f"storage.missing:{second.pk}", "The file is missing.", camera=None)
    planned = boss.post(f"{list_of(Capture)}?fault=missing", {"action": "verify", "across": "yes"}).context["plan"]
    assert (planned.count, planned.bytes) == (1, first.bytes + second.bytes)


def test_clips_with_a_verified_copy_are_found(world: World, boss: Any) -> None:
    assert found(boss, "verified=yes") == set()
    ArchiveFile.objects.filter(pk=world.archived.pk).update(verified_at=STARTED)
    assert found(boss, "verified=yes") == ids(world.clip)


def test_captures_are_filtered_by_the_size_of_all_their_files(world: World, boss: Any) -> None:
    raw = second_file(world.capture)
    world.capture.files.update(bytes=6_000_000)
    assert found(boss, "size=100mb", list_of(Capture)) == ids(world.capture)
    raw.delete()
    assert found(boss, "size=100mb", list_of(Capture)) == set()
    assert found(boss, "size=10mb", list_of(Capture)) == ids(world.capture)


def test_captures_are_verified_when_all_their_files_have_a_verified_copy(world: World, boss: Any) -> None:
    first, second = world.capture.files.get(), second_file(world.capture)
    archived_copy(world, first)
    assert found(boss, "verified=yes", list_of(Capture)) == set()
    archived_copy(world, second)
    assert found(boss, "verified=yes", list_of(Capture)) == ids(world.capture)


def test_clips_are_searched_by_id_camera_and_path(clips: list[Clip], boss: Any) -> None:
    name = clips[0].filename
    assert found(boss, f"q={clips[0].pk}") == ids(clips[0])
    assert found(boss, f"q={name[4:-4]}") == ids(clips[0])
    assert found(boss, "q=sky") == ids(*clips)
    assert found(boss, "q=.mp4") == ids(*clips)
    assert found(boss, "q=nowhere") == set()
    assert found(boss, "q=mp") == set()
    assert found(boss, "q=%00") == ids(*clips)


def test_captures_are_searched_by_the_name_that_their_files_had_elsewhere(world: World, boss: Any) -> None:
    world.capture.files.update(original="/media/card/DSC_4711.NEF")
    pointed = remote(world.camera)
    assert found(boss, "q=dsc_4711", list_of(Capture)) == ids(world.capture)
    assert found(boss, "q=pco-nuc", list_of(Capture)) == ids(pointed)
    assert "/media/card/DSC_4711.NEF" in boss.get(f"{list_of(Capture)}{world.capture.pk}/").content.decode()


def test_each_cell_has_the_name_of_its_column_for_a_phone(world: World, boss: Any) -> None:
    page = boss.get(list_of(Experiment)).content.decode()
    assert '<td data-label="Operator" class="field-operator">operator</td>' in page
    assert '<td data-label="State" class="field-status">planned</td>' in page


def test_jobs_are_searched_by_their_subject(world: World, boss: Any) -> None:
    wanted = Job.objects.create(kind="admin_action", host="main", subject="Verify: 3 clips")
    assert found(boss, "q=3 clips", list_of(Job)) == ids(wanted)


def test_a_list_says_only_what_its_search_finds(world: World, boss: Any) -> None:
    assert "the id of a camera" in boss.get(list_of(Clip)).content.decode()
    assert "the id of a camera" not in boss.get(list_of(Job)).content.decode()


def test_a_search_in_texts_reads_only_the_newest_rows(
    clips: list[Clip], boss: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skycam_project.admin.change_list.SEARCHED", 2)
    assert found(boss, "q=.mp4") == ids(clips[0], clips[1])


def test_older_pages_follow_a_cursor(camera: Camera, root: StorageRoot, boss: Any) -> None:
    rows = [row_of(camera, root, STARTED - timedelta(minutes=number)) for number in range(120)]
    Clip.objects.bulk_create(rows)
    first = boss.get(CLIPS).context["cl"]
    second = boss.get(CLIPS + first.older_query).context["cl"]
    third = boss.get(CLIPS + second.older_query).context["cl"]
    shown = [*first.result_list, *second.result_list, *third.result_list]
    assert [row.pk for row in shown] == [row.pk for row in rows]
    assert third.older_query == ""
    assert first.total.text == "120"


@pytest.mark.parametrize("cursor", ["nothing", "-1", "99999999", "AAAA"])
def test_a_bad_cursor_shows_the_first_page(cursor: str, clips: list[Clip], boss: Any) -> None:
    assert found(boss, f"p={cursor}") == ids(*clips)


def test_a_total_is_bounded(clips: list[Clip], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_list, "MOST_COUNTED", 2)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # PostgreSQL estimates by its statistics
    total = change_list.EstimatingPaginator(Clip.objects.all(), 50).total
    assert total.text in {"more than 2", "about 3"}
    assert total.number >= 3


def test_a_detail_plays_a_clip_with_its_events_and_links(clips: list[Clip], boss: Any) -> None:
    boss.post(f"/clips/{clips[0].pk}/pin/", {"pinned": "yes"})
    page = boss.get(f"{CLIPS}{clips[0].pk}/").content.decode()
    assert f'src="/api/v1/clips/{clips[0].pk}/file/?form=faststart"' in page
    assert f'href="/clips/{clips[0].pk}/"' in page
    assert "recording.pinned" in page


def test_a_clip_of_another_host_says_where_it_is(clips: list[Clip], boss: Any) -> None:
    Clip.objects.filter(pk=clips[0].pk).update(host="dome")
    page = boss.get(f"{CLIPS}{clips[0].pk}/").content.decode()
    assert "The file is on the camera host dome." in page
    assert "<video" not in page


def test_an_archive_shows_its_chain_of_custody(world: World, boss: Any) -> None:
    from core.events.service import record_event

    record_event("archive.requested", "The archive was requested.", subject=world.archive.pk, actor="boss", camera=None)
    page = boss.get(f"{list_of(Archive)}{world.archive.pk}/").content.decode()
    assert "Chain of custody" in page
    assert "The archive was requested." in page


def test_an_address_of_a_camera_is_shown_without_its_password(camera: Camera, boss: Any) -> None:
    Camera.objects.update(address="rtsp://me:***@127.0.0.1/", encrypted_address="secret-word")
    page = boss.get(f"{list_of(Camera)}{camera.pk}/").content.decode()
    assert "rtsp://me:***@127.0.0.1/" in page
    assert "secret-word" not in page


def test_no_one_else_sees_the_admin(world: World) -> None:
    answers = world.requests("GET", "admin/captures/clip/")
    assert {person for person, answer in answers.items() if answer == "in"} == {"manager"}


def test_a_staff_user_who_is_no_manager_is_refused(client: Any, db: None) -> None:
    from skycam_project.access.models import User

    client.force_login(User.objects.create_user("old", role="operator", is_staff=True))
    assert client.get("/admin/", follow=True).status_code == 403


def test_a_list_of_archives_costs_a_constant_number_of_queries(
    world: World, boss: Any, django_assert_num_queries: Any
) -> None:
    boss.get(list_of(Archive))
    with CaptureQueriesContext(connection) as alone:
        boss.get(list_of(Archive))
    planned = [Experiment(name="dew", operator="operator", still_interval_s=60) for _ in range(20)]
    experiments = Experiment.objects.bulk_create(planned)
    Archive.objects.bulk_create([Archive(experiment=one, folder="x", wait_until=STARTED) for one in experiments])
    with django_assert_num_queries(len(alone)):
        page = boss.get(list_of(Archive)).content.decode()
    assert "1 copied" in page


def test_a_list_costs_a_constant_number_of_queries(
    camera: Camera, root: StorageRoot, boss: Any, django_assert_max_num_queries: Any
) -> None:
    Clip.objects.bulk_create([row_of(camera, root, STARTED - timedelta(minutes=n)) for n in range(50)])
    boss.get(CLIPS)
    with django_assert_max_num_queries(20):
        boss.get(CLIPS)


def test_remote_files_of_a_capture_are_listed_and_never_verified(world: World, boss: Any) -> None:
    capture = remote(world.camera)
    detail = text_of(boss.get(f"{list_of(Capture)}{capture.pk}/"))
    assert "remote: 4 files on pco-nuc" in text_of(boss.get(list_of(Capture)))
    assert "Remote files, not held by this station" in detail
    assert PLACES[2] in detail
    assert str(capture.pk) not in map(str, listed(boss, "verified=yes"))
