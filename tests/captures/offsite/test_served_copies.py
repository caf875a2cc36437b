"""Files that are served from their off-site copies, and old ones that only a bucket keeps. The server is moto's."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError

from cameras.models import CameraHost
from captures.files.downloads import open_content
from captures.models import Capture, CaptureFile, Clip, Destination, OffsiteCopy, StorageRoot
from captures.storage.offsite.resource import DeleteQuery, DestinationChange, DestinationRequest
from captures.storage.offsite.services import FilesWait, add_destination, change_destination, remove_destination
from captures.storage.retention.capture_rules import MOVES
from captures.storage.retention.cleanup import ClipCleanup
from captures.storage.retention.manager import make_plan
from core.events.models import Alert, Event
from tests.harness.clients.programs import program
from tests.harness.clients.responses import content
from tests.harness.far_ends.file_server import file_server, give_to_dome
from tests.harness.far_ends.offsite.s3_server import BUCKET, KEYS, client
from tests.harness.rows.captures import PICTURE
from tests.harness.rows.offsite import destination, folder_destination, send, store_digests


def bucket_of(server: int, **more: Any) -> Destination:
    place = {"endpoint": f"http://127.0.0.1:{server}", "bucket": BUCKET, "access_key": KEYS["access_key"]}
    return destination("s3", place | more, {"secret_key": KEYS["secret_key"]})


@pytest.fixture
def url(old: CaptureFile) -> str:
    return f"/api/v1/captures/{old.capture_id}/file/"


def set_days(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    kept = settings.STATION.retention.model_copy(update={"capture_offsite_days": days})
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"retention": kept}))


def path_of(file: CaptureFile) -> Path:
    return Path(file.root.path, file.path)


def objects_of(server: int) -> dict[str, bytes]:
    found: Any = client(server)
    names = [one["Key"] for one in found.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    return {name: found.get_object(Bucket=BUCKET, Key=name)["Body"].read() for name in names}


@pytest.fixture(params=["s3", "folder"])
def copied(request: pytest.FixtureRequest, server: int, tmp_path: Path, old: CaptureFile) -> Destination:
    """A destination with a verified copy of the file."""
    made = {"s3": lambda: bucket_of(server), "folder": lambda: folder_destination(tmp_path / "copies")}[request.param]()
    assert send(made)["files"] == 1
    return made


def test_a_file_that_is_gone_comes_from_its_copy_and_raises_its_alert(
    viewer: Any, old: CaptureFile, url: str, copied: Destination
) -> None:
    path_of(old).unlink()
    answer = viewer.get(url)
    assert answer.status_code == 200
    assert content(answer) == PICTURE
    assert answer["ETag"] == f'"{old.sha256}"'
    assert answer["Content-Length"] == str(len(PICTURE))
    assert Alert.objects.filter(key=f"storage.missing:{old.pk}").exists()


def test_ranges_and_validators_hold_for_a_copy(viewer: Any, old: CaptureFile, url: str, copied: Destination) -> None:
    path_of(old).unlink()
    part = viewer.get(url, headers={"range": "bytes=100-199"})
    assert (part.status_code, content(part)) == (206, PICTURE[100:200])
    assert viewer.get(url, headers={"range": "bytes=99999-"}).status_code == 416
    assert viewer.get(url, headers={"if-none-match": f'"{old.sha256}"'}).status_code == 304
    head = viewer.head(url)
    assert (head.status_code, head["Content-Length"]) == (200, str(len(PICTURE)))


def test_a_file_of_a_host_that_is_away_comes_from_its_copy(
    viewer: Any, old: CaptureFile, url: str, copied: Destination
) -> None:
    CameraHost.objects.create(name="dome", file_server="http://127.0.0.1:1")
    CaptureFile.objects.update(host="dome")
    assert content(viewer.get(url)) == PICTURE


def test_a_destination_that_is_away_leaves_the_file_to_the_other(
    viewer: Any, old: CaptureFile, url: str, server: int, tmp_path: Path
) -> None:
    send(bucket_of(server))
    send(folder_destination(tmp_path / "copies"))
    path_of(old).unlink()
    (tmp_path / "copies").rename(tmp_path / "away")
    assert content(viewer.get(url)) == PICTURE
    with open_content(old) as chunks:
        assert b"".join(chunks) == PICTURE


@pytest.fixture
def away(old: CaptureFile, clips: list[Clip], tmp_path: Path) -> None:
    """The destination `nas` with verified copies of all files, which cannot be reached."""
    store_digests()
    send(folder_destination(tmp_path / "copies", name="nas"))
    (tmp_path / "copies").rename(tmp_path / "away")


@pytest.mark.usefixtures("away")
@pytest.mark.parametrize("where", ["on a host that is away", "off-site alone"])
def test_a_file_that_cannot_be_read_now_names_the_destinations_that_have_it(where: str, viewer: Any, url: str) -> None:
    CameraHost.objects.create(name="dome", file_server="http://127.0.0.1:1")
    CaptureFile.objects.update(**{"on a host that is away": {"host": "dome"}}.get(where, {"kept": "offsite"}))
    answer = viewer.get(url)
    assert (answer.status_code, answer.json()["copies"]) == (503, ["nas"])


def assert_names_its_copies(answer: Any, why: str) -> None:
    """An answer for a file that is gone here, or has changed, and whose copies at `nas` cannot be read now."""
    body = answer.json()
    assert (answer.status_code, body["type"], answer["Retry-After"]) == (503, "/problems/not-ready", "10")
    assert body["copies"] == ["nas"]
    assert why in body["detail"]
    assert body["detail"].endswith("Its verified copies at nas cannot be read now: see `skycam offsite status`.")


@pytest.mark.usefixtures("away")
def test_a_file_that_is_gone_here_names_the_destinations_that_have_it(viewer: Any, old: CaptureFile, url: str) -> None:
    path_of(old).write_bytes(b"short")
    assert_names_its_copies(viewer.get(url), "has 5 bytes, but was stored with")
    path_of(old).unlink()
    assert_names_its_copies(viewer.get(url), "cannot be opened: No such file")
    assert Alert.objects.filter(key=f"storage.missing:{old.pk}").exists()


@pytest.mark.usefixtures("away")
@pytest.mark.parametrize("query", ["", "?form=faststart"])
def test_a_clip_that_is_gone_here_names_the_destinations_that_have_it(
    query: str, viewer: Any, clips: list[Clip]
) -> None:
    Path(clips[0].root.path, clips[0].path).unlink()
    answer = viewer.get(f"/api/v1/clips/{clips[0].pk}/file/{query}")
    assert_names_its_copies(answer, "cannot be opened: No such file")


@pytest.mark.usefixtures("away")
def test_a_file_that_is_gone_on_its_own_host_names_the_destinations_that_have_it(
    viewer: Any, old: CaptureFile, url: str
) -> None:
    with file_server() as server:
        give_to_dome(old.root, f"http://127.0.0.1:{server.server_address[1]}")
        path_of(old).unlink()
        assert_names_its_copies(viewer.get(url), "cannot be opened: No such file")


def test_a_file_that_is_gone_here_and_has_no_copy_is_not_found(viewer: Any, old: CaptureFile, url: str) -> None:
    path_of(old).unlink()
    answer = viewer.get(url)
    assert (answer.status_code, "copies" in answer.json()) == (404, False)


def test_a_copy_that_is_damaged_is_not_sent_to_its_end(viewer: Any, old: CaptureFile, url: str, server: int) -> None:
    made = bucket_of(server)
    send(made)
    copy = OffsiteCopy.objects.get()
    far: Any = client(server)
    far.put_object(Bucket=BUCKET, Key=copy.key, Body=b"\1" + PICTURE[1:])
    path_of(old).unlink()
    answer = viewer.get(url)
    assert answer.status_code == 404
    assert OffsiteCopy.objects.get().state == "queued"


def test_what_a_page_shows_is_not_taken_from_the_bucket_by_its_browser(
    viewer: Any, old: CaptureFile, url: str, server: int
) -> None:
    send(bucket_of(server, redirect=True))
    path_of(old).unlink()
    assert content(viewer.get(url)) == PICTURE
    assert viewer.get(f"{url}?download=1").status_code == 307


def test_a_program_may_be_sent_to_the_bucket(old: CaptureFile, url: str, server: int) -> None:
    send(bucket_of(server, redirect=True))
    path_of(old).unlink()
    answer = program("viewer").get(url)
    assert answer.status_code == 307
    assert answer["Location"].startswith(f"http://127.0.0.1:{server}/{BUCKET}/")
    assert "X-Amz-Signature=" in answer["Location"]
    assert answer["Cache-Control"] == "no-store"


def test_an_old_capture_moves_to_the_bucket_and_stays_what_it_was(
    viewer: Any, old: CaptureFile, url: str, server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(bucket_of(server, only_copy=True))
    set_days(monkeypatch, 1 / 24)
    result = ClipCleanup(settings.STATION.host).run()
    assert [item.pk for item in result.moved] == [str(old.pk)]
    assert not path_of(old).exists()
    assert content(viewer.get(url)) == PICTURE
    thumbnail = viewer.get(f"/api/v1/captures/{old.capture_id}/thumbnail/")
    assert thumbnail.status_code == 200
    body = viewer.get(f"/api/v1/captures/{old.capture_id}/").json()
    assert (body["files"][0]["kept"], body["sha256"]) == ("offsite", old.sha256)
    with open_content(CaptureFile.objects.get()) as chunks:
        assert hashlib.sha256(b"".join(chunks)).hexdigest() == old.sha256
    assert Event.objects.get(kind="storage.moved").data == {"files": 1, "bytes": len(PICTURE)}
    assert not Alert.objects.exists()


@pytest.fixture
def moved(old: CaptureFile, server: int, monkeypatch: pytest.MonkeyPatch) -> Destination:
    """A destination that has the only copy of the file."""
    made = bucket_of(server, only_copy=True)
    send(made)
    set_days(monkeypatch, 1 / 24)
    ClipCleanup(settings.STATION.host).run()
    return made


def test_a_destination_with_the_only_copy_of_a_file_is_not_removed_even_by_force(moved: Destination) -> None:
    with pytest.raises(FilesWait, match="has the only copy of 1 file"):
        remove_destination(moved, DeleteQuery(force=True), "ada")
    assert Destination.objects.get().enabled
    assert OffsiteCopy.objects.count() == 1


def test_a_destination_with_the_only_copy_of_a_file_stays_at_its_place(moved: Destination) -> None:
    wanted = DestinationChange(settings=moved.settings | {"bucket": "another"}, copies_moved=True)
    with pytest.raises(ValidationError, match="has the only copy of 1 file"):
        change_destination(moved, wanted, "ada")
    assert OffsiteCopy.objects.get().state == "verified"


def test_a_zip_has_files_that_were_moved(
    manager: Any, old: CaptureFile, server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from skycam_project.admin.actions.views import ExportStream, export_files

    send(bucket_of(server, only_copy=True))
    set_days(monkeypatch, 1 / 24)
    ClipCleanup(settings.STATION.host).run()
    whole = b"".join(ExportStream(export_files(Capture.objects.all()), "ada").parts())
    with zipfile.ZipFile(io.BytesIO(whole)) as found:
        [name] = [name for name in found.namelist() if name.endswith(".jpg")]
        assert found.read(name) == PICTURE
        assert "ERRORS.txt" not in found.namelist()


@pytest.mark.parametrize("why", ["young", "not copied", "not allowed", "not verified", "pinned", "no thumbnails"])
def test_a_capture_stays_that_is(
    why: str, old: CaptureFile, server: int, root: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bucket_of(server, only_copy=why != "not allowed")
    set_days(monkeypatch, 1 if why == "young" else 1 / 24)
    {"not copied": lambda: None}.get(why, lambda: send(made))()
    {
        "not verified": lambda: OffsiteCopy.objects.update(state="queued", verified_at=None),
        "pinned": lambda: Capture.objects.update(pinned=True),
        "no thumbnails": lambda: [path.unlink() for path in Path(root.path, ".thumbnails").glob("*/*")],
    }.get(why, lambda: None)()
    assert ClipCleanup(settings.STATION.host).run().moved == []
    assert path_of(old).exists()
    assert CaptureFile.objects.get().kept == "here"


def test_a_move_that_was_killed_is_completed(
    viewer: Any, old: CaptureFile, url: str, server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(bucket_of(server, only_copy=True))
    set_days(monkeypatch, 1 / 24)
    items = list(MOVES["captures"].select([old.root], (), None))
    assert MOVES["captures"].mark(items) == [str(old.pk)]
    assert content(viewer.get(url)) == PICTURE
    path_of(old).unlink()
    assert [item.pk for item in ClipCleanup(settings.STATION.host).run().moved] == [str(old.pk)]
    assert CaptureFile.objects.get().kept == "offsite"


def test_a_move_that_was_killed_ends_here_if_its_copy_is_damaged_meanwhile(
    viewer: Any, old: CaptureFile, url: str, server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bucket_of(server, only_copy=True)
    send(made)
    set_days(monkeypatch, 1 / 24)
    assert MOVES["captures"].mark(list(MOVES["captures"].select([old.root], (), None))) == [str(old.pk)]
    far: Any = client(server)
    far.put_object(Bucket=BUCKET, Key=OffsiteCopy.objects.get().key, Body=b"\1" + PICTURE[1:])
    assert viewer.get(url).status_code == 503
    assert OffsiteCopy.objects.get().state == "queued"
    assert ClipCleanup(settings.STATION.host).run().moved == []
    assert content(viewer.get(url)) == PICTURE
    assert send(made)["files"] == 1
    assert objects_of(server)[OffsiteCopy.objects.get().key] == PICTURE


@pytest.mark.parametrize("change", [{"enabled": False}, {"settings": {"only_copy": False}}])
def test_a_move_that_was_killed_ends_here_if_its_destination_may_not_have_the_only_copy_any_more(
    change: dict[str, Any], old: CaptureFile, server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(bucket_of(server, only_copy=True))
    set_days(monkeypatch, 1 / 24)
    MOVES["captures"].mark(list(MOVES["captures"].select([old.root], (), None)))
    Destination.objects.update(**change)
    assert ClipCleanup(settings.STATION.host).run().moved == []
    assert path_of(old).exists()
    assert CaptureFile.objects.get().kept == "here"


def test_a_plan_says_which_files_would_move(old: CaptureFile, server: int, monkeypatch: pytest.MonkeyPatch) -> None:
    send(bucket_of(server, only_copy=True))
    set_days(monkeypatch, 1 / 24)
    plan = make_plan(settings.STATION.host, ("captures", "archives"))
    assert [(item.pk, str(item.why)) for item in plan.items] == [(str(old.pk), "offsite")]


def test_an_only_copy_that_is_gone_is_a_critical_alert_and_no_error_inside(
    viewer: Any, old: CaptureFile, url: str, server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(bucket_of(server, only_copy=True))
    set_days(monkeypatch, 1 / 24)
    ClipCleanup(settings.STATION.host).run()
    far: Any = client(server)
    far.delete_object(Bucket=BUCKET, Key=OffsiteCopy.objects.get().key)
    answer = viewer.get(url)
    assert answer.status_code == 503
    assert "no destination gives it now" in answer.json()["detail"]
    assert Alert.objects.get().severity == "critical"
    assert OffsiteCopy.objects.get().state == "verified"


@pytest.mark.django_db
def test_an_endpoint_without_tls_needs_a_setting_that_says_so() -> None:
    place = {"endpoint": "http://192.168.1.20:9000", "bucket": BUCKET, "access_key": "AKIA"}
    wanted = {"name": "nas", "kind": "s3", "secret": {"secret_key": "x"}, "classes": ["capture"]}
    with pytest.raises(ValidationError, match="plain_http"):
        add_destination(DestinationRequest.model_validate(wanted | {"settings": place}), "ada")
    allowed = wanted | {"settings": place | {"plain_http": True}}
    assert add_destination(DestinationRequest.model_validate(allowed), "ada").settings["plain_http"]
