"""Pictures of a folder become captures: what is adopted, what is left where it was, and why."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uuid6
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cameras.models import Camera
from cameras.spool.storage import make_root
from captures.capturing.answers import CaptureBody
from captures.models import Capture, CaptureFile, StorageRoot
from captures.organizing.copying import CopyRecovery
from captures.organizing.findings import printable
from captures.organizing.jobs import organize_folder
from captures.organizing.service import OrganizeRequest, organize_new_files
from captures.roots.models import StorageClass
from captures.roots.roots import assign_root
from captures.thumbnails.rendering import SIMULATED
from core.broker.broker import BrokerDown
from core.events.models import Event
from core.jobs.context import JobContext, JobError
from core.resources.resource import body_of
from tests.harness.disks.small_disk import SmallDisk
from tests.harness.rows.cards import FIRST, taken_picture, taken_raw, utc, write_card

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def destination(root: StorageRoot) -> StorageRoot:
    """New captures of this host go to the test's storage root."""
    assign_root(root, StorageClass.CAPTURES)
    return root


@pytest.fixture
def card(tmp_path: Path) -> Path:
    folder = tmp_path / "card"
    folder.mkdir()
    return folder


def never() -> bool:
    return False


def no_thumbnail(file: CaptureFile) -> None:
    raise BrokerDown


def context(camera: Camera, folder: Path, job: str = "job-1", **arguments: Any) -> JobContext:
    found = {"camera": str(camera.pk), "folder": str(folder), "time_zone": "Europe/Berlin", **arguments}
    return JobContext(job, found, None, "ada", lambda message: None)


def organized(camera: Camera, folder: Path, job: str = "job-1", **arguments: Any) -> dict[str, Any]:
    return organize_folder(context(camera, folder, job, **arguments), no_thumbnail)


def only_reason(result: dict[str, Any]) -> str:
    (found,) = result["results"]
    return str(found["reason"])


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def archive(root: StorageRoot) -> set[str]:
    return files_below(Path(root.path) / "captures")


# What is adopted


def test_a_card_is_adopted_without_duplicates_and_broken_files(camera: Camera, card: Path, root: StorageRoot) -> None:
    write_card(card, pictures=30, duplicates=4, broken=3)
    before = files_below(card)
    result = organized(camera, card)
    assert (result["files"], result["captures"]) == (37, 30)
    assert result["reasons"] == {"broken": 3, "duplicate": 4}
    assert Capture.objects.filter(origin="adopted", status="saved").count() == 30
    assert len(archive(root)) == 30
    assert files_below(card) == before


def test_a_capture_has_what_the_exif_says(camera: Camera, card: Path, root: StorageRoot) -> None:
    content = taken_picture()
    (card / "IMG_1.JPG").write_bytes(content)
    organized(camera, card)
    capture = Capture.objects.get()
    file = capture.files.get()
    assert capture.started_at == utc(2026, 1, 16, 21, 0, 0, 789_000)
    assert (capture.exposure_us, capture.f_number, capture.iso, capture.serial) == (8000, 4.0, 800, "4711")
    assert capture.ended_at - capture.started_at == timedelta(microseconds=8000)
    assert (capture.requested_by, capture.job, capture.warnings, capture.clock) == ("ada", "job-1", [], "unknown")
    assert (file.kind, file.width, file.height) == ("jpeg", 160, 120)
    assert (file.bytes, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert file.path == f"captures/sky/2026/01/16/raw/sky_20260116_210000_789_{capture.pk}.jpg"
    assert file.original == str(card / "IMG_1.JPG")
    assert Path(root.path, file.path).read_bytes() == content


def test_the_api_says_that_a_capture_was_adopted_and_from_where(camera: Camera, card: Path, viewer: Any) -> None:
    (card / "IMG_1.JPG").write_bytes(taken_picture())
    organized(camera, card)
    (body,) = viewer.get("/api/v1/captures/").json()["results"]
    assert body["origin"] == "adopted"
    assert body["adopted"] is not None
    assert body["files"][0]["original"] == str(card / "IMG_1.JPG")


def test_the_page_of_a_capture_says_where_it_came_from(camera: Camera, card: Path, viewer: Any) -> None:
    (card / "IMG_1.JPG").write_bytes(taken_picture())
    organized(camera, card)
    page = viewer.get(f"/captures/{Capture.objects.get().pk}/").content.decode()
    assert "adopted" in page
    assert str(card / "IMG_1.JPG") in page


def test_a_capture_of_a_camera_is_of_the_origin_camera(camera: Camera) -> None:
    body = body_of(CaptureBody, Capture.objects.create(camera=camera))
    assert (body["origin"], body["adopted"]) == ("camera", None)


def test_other_pictures_are_adopted_too(camera: Camera, card: Path) -> None:
    (card / "a.png").write_bytes(taken_picture(form="PNG"))
    (card / "b.tif").write_bytes(taken_picture(form="TIFF"))
    organized(camera, card)
    taken = utc(2026, 1, 16, 21, 0, 0, 789_000)
    found = CaptureFile.objects.order_by("kind").values_list("kind", "capture__started_at")
    assert list(found) == [("png", taken), ("tiff", taken)]


def test_raw_and_jpeg_of_one_exposure_are_one_capture(camera: Camera, card: Path) -> None:
    (card / "IMG_1.DNG").write_bytes(taken_raw())
    (card / "IMG_1.JPG").write_bytes(taken_picture(FIRST + timedelta(seconds=1), offset=""))
    result = organized(camera, card)
    capture = Capture.objects.get()
    assert [(file.kind, file.path.rpartition(".")[2]) for file in capture.files.all()] == [
        ("jpeg", "jpg"),
        ("raw", "dng"),
    ]
    assert result["captures"] == 1
    assert capture.exposure_us == 8000


def test_files_of_one_name_and_different_times_are_two_captures(camera: Camera, card: Path) -> None:
    (card / "IMG_1.DNG").write_bytes(taken_raw())
    (card / "IMG_1.JPG").write_bytes(taken_picture(FIRST + timedelta(seconds=5)))
    organized(camera, card)
    assert Capture.objects.count() == 2


def test_a_raw_file_whose_time_cannot_be_read_belongs_to_its_jpeg(camera: Camera, card: Path) -> None:
    from tests.harness.rows.pictures import bare_dng

    (card / "IMG_1.DNG").write_bytes(bare_dng())
    (card / "IMG_1.JPG").write_bytes(taken_picture())
    organized(camera, card)
    assert Capture.objects.get().files.count() == 2


def test_a_time_without_an_offset_is_read_in_the_given_zone_and_the_capture_says_so(camera: Camera, card: Path) -> None:
    (card / "IMG_1.JPG").write_bytes(taken_picture(offset=""))
    result = organized(camera, card, time_zone="America/New_York")
    capture = Capture.objects.get()
    assert capture.started_at == utc(2026, 1, 17, 3, 0, 0, 789_000)
    assert "America/New_York" in capture.warnings[0]
    assert result["time_zone"] == "America/New_York"


@pytest.mark.parametrize("after", ["+0000", "Z", "+01:00"])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_an_offset_in_the_date_is_that_of_the_time(camera: Camera, card: Path, after: str, form: str) -> None:
    (card / "IMG_1").write_bytes(taken_picture(offset="", after=after, form=form))
    organized(camera, card, time_zone="America/New_York")
    capture = Capture.objects.get()
    hour = 21 if after == "+01:00" else 22
    assert (capture.started_at, capture.warnings) == (utc(2026, 1, 16, hour, 0, 0, 789_000), [])


@pytest.mark.parametrize(
    ("picture", "warning"),
    [
        ({"changed_offset": "+01:00"}, "(OffsetTime, +01:00)"),
        ({"gps": FIRST - timedelta(hours=1, seconds=5)}, "by the time of its GPS it is +01:00"),
    ],
)
def test_an_offset_of_another_tag_is_used_and_the_capture_says_so(
    camera: Camera, card: Path, picture: dict[str, Any], warning: str
) -> None:
    (card / "IMG_1.JPG").write_bytes(taken_picture(offset="", **picture))
    organized(camera, card, time_zone="America/New_York")
    capture = Capture.objects.get()
    assert capture.started_at == utc(2026, 1, 16, 21, 0, 0, 789_000)
    assert warning in capture.warnings[0]


def test_a_date_with_more_behind_it_is_none(camera: Camera, card: Path) -> None:
    (card / "IMG_1.JPG").write_bytes(taken_picture(after=" PM"))
    assert organized(camera, card)["reasons"] == {"no_time": 1}


def test_a_simulated_picture_stays_one(camera: Camera, card: Path) -> None:
    (card / "IMG_1.JPG").write_bytes(taken_picture(description=SIMULATED))
    organized(camera, card)
    assert Capture.objects.get().simulated


def test_the_template_of_the_station_names_the_copies(
    camera: Camera, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = settings.STATION.model_copy(update={"file_names": "{sequence}_{exposure}_{id12}"})
    monkeypatch.setattr(settings, "STATION", named)
    (card / "IMG_1.JPG").write_bytes(taken_picture())
    organized(camera, card)
    assert CaptureFile.objects.get().path.rpartition("/")[2] == f"single_8ms_{str(Capture.objects.get().pk)[-12:]}.jpg"


# What is left where it was


def test_organizing_a_folder_again_adopts_nothing_twice(camera: Camera, card: Path, root: StorageRoot) -> None:
    write_card(card, pictures=3, duplicates=0, broken=0)
    organized(camera, card)
    result = organized(camera, card, "job-2")
    assert result["reasons"] == {"duplicate": 3}
    assert result["captures"] == 0
    assert len(archive(root)) == Capture.objects.count() == 3


def test_a_picture_of_a_camera_is_not_adopted_again(camera: Camera, card: Path, file: CaptureFile) -> None:
    content = taken_picture()
    CaptureFile.objects.filter(pk=file.pk).update(sha256=hashlib.sha256(content).hexdigest())
    (card / "IMG_1.JPG").write_bytes(content)
    result = organized(camera, card)
    assert str(file.capture_id) in result["results"][0]["message"]
    assert only_reason(result) == "duplicate"


def test_files_that_cannot_be_placed_are_listed_and_stay(camera: Camera, card: Path) -> None:
    files = {
        "notes.txt": (b"Clouds from 2 am.", "not_a_picture"),
        "IMG_1.JPG": (b"", "broken"),
        "IMG_2.JPG": (b"\xff\xd8\xff\xe0", "broken"),
        "IMG_3.CR2": (b"II*\0 nothing", "broken"),
        "IMG_4.JPG": (taken_picture(None), "no_time"),
        "IMG_5.JPG": (taken_picture(FIRST.replace(year=2400)), "no_time"),
        "IMG_6.DNG": (taken_raw()[:-9000], "broken"),
        "bad\x1b[31m\udcff.txt": (b"", "not_a_picture"),
    }
    for name, (content, _) in files.items():
        (card / name).write_bytes(content)
    found = organized(camera, card)["results"]
    assert {one["path"]: one["reason"] for one in found} == {
        printable(name): reason for name, (_, reason) in files.items()
    }
    assert [one for one in found if not one["message"] or not one["path"].isprintable()] == []
    assert {name: (card / name).read_bytes() for name in files} == {name: one for name, (one, _) in files.items()}
    assert Capture.objects.count() == 0


def test_symbolic_links_and_pipes_are_not_followed(camera: Camera, card: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.jpg").write_bytes(taken_picture())
    (card / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    (card / "folder").symlink_to(tmp_path)
    os.mkfifo(card / "pipe.jpg")
    result = organized(camera, card)
    assert result["reasons"] == {"not_a_picture": 1, "symbolic_link": 2}
    assert Capture.objects.count() == 0


def test_a_link_that_takes_the_place_of_the_folder_is_not_followed(camera: Camera, card: Path, tmp_path: Path) -> None:
    # Between the check of the person's rights and the job.
    card.rename(tmp_path / "private")
    card.symlink_to(tmp_path / "private")
    (card / "IMG_1.JPG").write_bytes(taken_picture())
    with pytest.raises(JobError, match=r"cannot read .*card: Too many levels of symbolic links"):
        organized(camera, card, move=True)
    assert files_below(tmp_path / "private") == {"IMG_1.JPG"}


def test_hidden_files_are_counted(camera: Camera, card: Path) -> None:
    (card / "._IMG_1.JPG").write_bytes(b"from a Mac")
    result = organized(camera, card)
    assert (result["hidden"], result["results"]) == (1, [])


def test_the_stations_own_folders_are_refused(camera: Camera, root: StorageRoot) -> None:
    below = Path(root.path) / "captures/sky"
    below.mkdir(parents=True)
    with pytest.raises(JobError, match="where the station itself keeps files"):
        organized(camera, below)


def test_the_stations_own_folders_below_the_folder_are_left_out(
    camera: Camera, tmp_path: Path, file: CaptureFile
) -> None:
    (tmp_path / "IMG_1.JPG").write_bytes(taken_picture())
    result = organized(camera, tmp_path)
    assert (result["captures"], result["reasons"]) == (1, {"station_folder": 1})


def test_a_folder_that_the_station_cannot_read_is_refused_by_name(camera: Camera, card: Path) -> None:
    with pytest.raises(JobError, match=r"The station runs as the user \w+ and cannot read .*nowhere: No such file"):
        organized(camera, card / "nowhere")


def test_a_station_whose_user_has_no_name_refuses_a_folder_as_well(
    camera: Camera, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 4_000_000)
    with pytest.raises(JobError, match="The station runs as the user 4000000 and cannot read"):
        organized(camera, card / "nowhere")


def test_a_folder_that_is_too_deep_is_refused_in_text(camera: Camera, card: Path) -> None:
    os.makedirs(card / "bad\x1b\udcff" / Path(*"a" * 40))
    with pytest.raises(JobError, match="more than 32 folders deep") as refusal:
        organized(camera, card)
    # The database takes no other text.
    assert str(refusal.value).isprintable()


def test_nothing_is_copied_to_a_disk_without_room(camera: Camera, card: Path, root: StorageRoot) -> None:
    write_card(card, pictures=3, duplicates=0, broken=0)
    request = OrganizeRequest(camera, str(card), "ada", "job-1", reserve_bytes=10**18)
    with pytest.raises(JobError, match="0 captures adopted"):
        organize_new_files(request, lambda *words, **more: None, never)
    assert archive(root) == set()


def test_the_room_that_a_batch_needs_is_checked_before_it_is_copied(
    camera: Camera, card: Path, disk: SmallDisk
) -> None:
    root = StorageRoot.objects.create(host="main", path=str(disk.path))
    make_root(disk.path, str(root.pk))
    assign_root(root, StorageClass.CAPTURES)
    (card / "IMG_1.JPG").write_bytes(taken_picture())
    # Sparse. What follows the picture is part of its file.
    os.truncate(card / "IMG_1.JPG", 3_500_000)
    # Enough for the reserve or the copy, and not for both.
    request = OrganizeRequest(camera, str(card), "ada", "job-1", reserve_bytes=2_000_000)
    with pytest.raises(JobError, match="0 captures adopted"):
        organize_new_files(request, lambda *words, **more: None, never)
    assert archive(root) == set()


def test_a_root_that_is_not_mounted_gets_nothing(camera: Camera, card: Path, folder: Path) -> None:
    (folder / ".skycam-root").unlink()
    with pytest.raises(JobError, match="is not mounted"):
        organized(camera, card)


# Options


def test_a_dry_run_shows_the_captures_and_copies_nothing(camera: Camera, card: Path, root: StorageRoot) -> None:
    write_card(card, pictures=3, duplicates=1, broken=1)
    result = organized(camera, card, dry_run=True)
    assert (result["captures"], result["reasons"]) == (3, {"broken": 1, "duplicate": 1})
    assert result["planned"][0]["folder"] == "captures/sky/2026/01/16/raw"
    assert (Capture.objects.count(), archive(root)) == (0, set())
    assert not Event.objects.filter(kind="capture.adopted").exists()


def test_with_move_only_adopted_originals_are_removed(camera: Camera, card: Path, root: StorageRoot) -> None:
    write_card(card, pictures=4, duplicates=1, broken=1)
    result = organized(camera, card, move=True)
    assert result["removed"] == 4
    assert files_below(card) == {"copies/IMG_0000.JPG", "DCIM/100CANON/IMG_9000.JPG"}
    assert len(archive(root)) == 4


def test_an_original_that_changes_after_its_inspection_by_a_second_attempt_stays(
    camera: Camera, card: Path, tmp_path: Path
) -> None:
    write_card(card, pictures=2, duplicates=0, broken=0)
    first, unrelated = card / "DCIM/100CANON/IMG_0000.JPG", tmp_path / "unrelated"
    unrelated.touch()
    organized(camera, card)

    def write_first(done: int, total: int | None = None, sentence: str = "", **more: object) -> None:
        # When the second file is inspected.
        os.truncate(first if done == 2 else unrelated, 100)

    request = OrganizeRequest(camera, str(card), "ada", "job-1", time_zone="Europe/Berlin", move=True)
    result, _ = organize_new_files(request, write_first, never, no_thumbnail)
    assert first.stat().st_size == 100
    assert result["reasons"] == {"not_removed": 1}


def test_a_picture_that_changes_before_it_is_copied_is_not_adopted_and_stays(camera: Camera, card: Path) -> None:
    write_card(card, pictures=2, duplicates=0, broken=0)
    first, other = card / "DCIM/100CANON/IMG_0000.JPG", taken_picture(FIRST + timedelta(hours=1))

    def write_first(done: int, total: int | None = None, sentence: str = "", **more: object) -> None:
        # When the first file was inspected.
        if done == 2:
            first.write_bytes(other)

    request = OrganizeRequest(camera, str(card), "ada", "job-1", time_zone="Europe/Berlin", move=True)
    result, _ = organize_new_files(request, write_first, never, no_thumbnail)
    assert (result["captures"], result["removed"], result["reasons"]) == (1, 1, {"changed": 1})
    assert first.read_bytes() == other


@pytest.mark.parametrize("damage", [Path.unlink, lambda copy: os.truncate(copy, 100)])
def test_a_second_attempt_keeps_an_original_whose_copy_is_lost(
    camera: Camera, card: Path, root: StorageRoot, damage: Callable[[Path], None]
) -> None:
    (card / "IMG_1.JPG").write_bytes(taken_picture())
    organized(camera, card)
    damage(Path(root.path, CaptureFile.objects.get().path))
    result = organized(camera, card, move=True)
    assert (result["removed"], only_reason(result)) == (0, "not_removed")
    assert files_below(card) == {"IMG_1.JPG"}


# The job


def test_the_next_attempt_adopts_a_file_of_the_same_name_and_size(camera: Camera, card: Path) -> None:
    # Uncompressed: all have one size.
    (card / "IMG_1.TIF").write_bytes(taken_picture(form="TIFF"))
    organized(camera, card)
    (card / "IMG_1.TIF").write_bytes(taken_picture(FIRST + timedelta(hours=1), form="TIFF"))
    result = organized(camera, card)
    assert result["captures"] == Capture.objects.count() == 2


def test_a_job_has_one_event_with_its_counts(camera: Camera, card: Path) -> None:
    write_card(card, pictures=3, duplicates=1, broken=1)
    organized(camera, card)
    organized(camera, card)
    event = Event.objects.get(kind="capture.adopted")
    assert event.data["captures"] == 3
    assert event.data["reasons"] == {"broken": 1, "duplicate": 1}
    assert (event.actor, event.camera) == ("ada", "sky")


def test_the_next_attempt_reports_what_the_first_one_adopted(camera: Camera, card: Path) -> None:
    write_card(card, pictures=3, duplicates=1, broken=1)
    first, second = organized(camera, card), organized(camera, card)
    assert second["captures"] == first["captures"] == Capture.objects.count() == 3
    assert second["reasons"] == first["reasons"]
    assert second["bytes"] == first["bytes"]


def test_thumbnails_of_adopted_captures_are_requested(camera: Camera, card: Path) -> None:
    (card / "IMG_1.DNG").write_bytes(taken_raw())
    (card / "IMG_1.JPG").write_bytes(taken_picture())
    requested: list[CaptureFile] = []
    organize_folder(context(camera, card), requested.append)
    assert [file.kind for file in requested] == ["jpeg"]


def test_a_job_that_is_asked_to_stop_leaves_no_copy_without_a_row(
    camera: Camera, card: Path, root: StorageRoot
) -> None:
    write_card(card, pictures=6, duplicates=0, broken=0)
    staging = Path(root.path, ".organize")
    request = OrganizeRequest(camera, str(card), "ada", "job-1")
    _, is_complete = organize_new_files(
        request, lambda *words, **more: None, lambda: len(list(staging.glob("*.part"))) > 2
    )
    assert not is_complete
    assert len(archive(root)) == CaptureFile.objects.count() == 0
    assert files_below(staging) == {".lock"}


JOB = "0193a000-0000-7000-8000-000000000009"


def interrupted(camera: Camera, folder: Path, after: int, **arguments: Any) -> list[Any]:
    """The messages of an attempt that is asked to stop after this number of files."""
    sent: list[Any] = []
    found = context(camera, folder, JOB, **arguments)

    def send(message: Any) -> None:
        sent.append(message)
        if message["done"] >= after:
            found.stopping.set()

    found.send, found.clock = send, itertools.count(step=2).__next__
    organize_folder(found, no_thumbnail)
    return sent


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_job_that_made_room_goes_on_where_it_was(camera: Camera, card: Path, dry_run: bool) -> None:
    write_card(card, pictures=130, duplicates=4, broken=3)
    checkpoint = interrupted(camera, card, after=110, dry_run=dry_run)[-1]["checkpoint"]
    sent: list[Any] = []
    found = context(camera, card, JOB, dry_run=dry_run)
    found.checkpoint, found.send = json.loads(json.dumps(checkpoint)), sent.append
    result = organize_folder(found, no_thumbnail)
    assert sent[0]["done"] == 101  # a batch has 50 files
    assert (result["files"], result["captures"]) == (137, 130)
    assert result["reasons"] == {"broken": 3, "duplicate": 4}
    assert len(result["results"]) == 7


def test_a_job_whose_folder_changed_meanwhile_begins_with_the_first_file(camera: Camera, card: Path) -> None:
    write_card(card, pictures=60, duplicates=0, broken=0)
    checkpoint = interrupted(camera, card, after=55)[-1]["checkpoint"]
    found = context(camera, card, JOB)
    found.checkpoint = {**checkpoint, "next": "00"}
    result = organize_folder(found, no_thumbnail)
    assert (result["files"], result["captures"], result["reasons"]) == (60, 60, {})


def test_a_disk_that_fails_does_not_stop_the_recovery_of_another(root: StorageRoot, tmp_path: Path) -> None:
    # The database has an index of the paths, so this root is the second one.
    second, ident = tmp_path / "zz", str(uuid6.uuid7())
    second.mkdir()
    make_root(second, ident)
    StorageRoot.objects.create(id=ident, host=root.host, path=str(second))
    staging = [Path(root.path, ".organize"), second / ".organize"]
    for folder in staging:
        (folder / "left.part").mkdir(parents=True)
    # A folder cannot be removed like a file.
    (staging[1] / "left.part").rmdir()
    (staging[1] / "left.part").touch()
    with pytest.raises(OSError, match=r"left\.part"):
        CopyRecovery(root.host).run()
    assert files_below(staging[1]) == {".lock"}


def test_the_number_of_queries_does_not_grow_with_the_files_of_a_batch(
    camera: Camera, card: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_card(card, pictures=2, duplicates=0, broken=0)
    # Not more: SQLite takes 999 values in one query, so the rows of more captures are inserted by two.
    write_card(other, pictures=20, duplicates=8, broken=0)
    with CaptureQueriesContext(connection) as few:
        organized(camera, card, "job-1")
    with CaptureQueriesContext(connection) as many:
        organized(camera, other, "job-2")
    assert len(many) <= len(few)


def test_duplicates_are_searched_by_an_index(db: None) -> None:
    if_sqlite = "EXPLAIN QUERY PLAN SELECT id FROM captures_capturefile WHERE sha256 IN ('a', 'b')"
    with connection.cursor() as cursor:
        cursor.execute(if_sqlite)
        plan = str(cursor.fetchall())
    assert "capture_file_sha256" in plan
