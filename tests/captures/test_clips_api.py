"""The API of clips: list, filters, one clip, its file, pin, delete."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cameras.models import Camera
from captures.models import Clip, ClipHold, StorageRoot
from captures.recordings.clips.services import delete_clip
from core.events.models import Alert, Event
from monitoring.tasks import check_health
from tests.harness.clients.responses import content
from tests.harness.rows.audiences import only_for
from tests.harness.rows.captures import UNKNOWN
from tests.harness.rows.clips import STARTED, clip_of, row_of
from tests.harness.rows.clips import content as film

CLIPS = "/api/v1/clips/"


def url(clip: Clip, tail: str = "") -> str:
    return f"{CLIPS}{clip.pk}/{tail}"


@pytest.fixture
def clip(camera: Camera, root: StorageRoot) -> Clip:
    return clip_of(camera, root, requested_by="ada", simulated=True)


@pytest.fixture
def six_clips(camera: Camera, root: StorageRoot) -> list[Clip]:
    """Five clips of a minute each, an hour without clips, then one more clip."""
    minutes = [0, 1, 2, 3, 4, 65]
    rows = [row_of(camera, root, STARTED + timedelta(minutes=number), 60) for number in minutes]
    return Clip.objects.bulk_create(rows)


def listed(client: Any, **query: Any) -> list[str]:
    """The start times (HH:MM) of the listed clips."""
    answer = client.get(CLIPS, {name.rstrip("_"): value for name, value in query.items()}).json()
    return [one["started"][11:16] for one in answer["results"]]


def test_a_clip_has_all_its_fields(viewer: Any, clip: Clip) -> None:
    body = viewer.get(url(clip)).json()
    assert body["started"] == "2026-03-28T12:00:00.000Z"
    assert body["ended"] == "2026-03-28T12:00:04.000Z"
    assert body["duration_s"] == 4.0
    assert body["url"] == url(clip, "file/")
    assert body["poster"] == url(clip, "poster/")
    assert body["camera"] == "sky"
    assert body["kind"] == "rolling"
    assert body["requested_by"] == "ada"
    assert body["simulated"] is True
    assert body["holds"] == []
    assert body["pinned"] is False
    assert body["filename"] == Path(clip.path).name


def test_clips_come_newest_first_in_pages(viewer: Any, six_clips: list[Clip]) -> None:
    first = viewer.get(CLIPS, {"limit": 4}).json()
    second = viewer.get(first["next"]).json()
    ids = [one["id"] for one in first["results"] + second["results"]]
    assert ids == [str(clip.pk) for clip in reversed(six_clips)]
    assert second["next"] is None


RANGES = [
    ("12:01:00", "12:02:00", ["12:01"]),
    ("12:01:30", "12:02:01", ["12:02", "12:01"]),
    ("12:04:59", "13:05:01", ["13:05", "12:04"]),
    ("12:05:00", "13:05:00", []),
    ("11:00:00", "12:00:00", []),
]


@pytest.mark.parametrize(("begin", "end", "expected"), RANGES)
def test_a_range_has_the_clips_that_show_a_part_of_it(
    begin: str, end: str, expected: list[str], viewer: Any, six_clips: list[Clip]
) -> None:
    assert listed(viewer, from_=f"2026-03-28T{begin}Z", to=f"2026-03-28T{end}Z") == expected


def test_a_long_clip_is_found_in_its_middle_among_other_cameras(
    viewer: Any, camera: Camera, root: StorageRoot, six_clips: list[Clip]
) -> None:
    lab = Camera.objects.create(slug="lab", name="Lab", kind="simulated", host="main")
    row_of(lab, root, STARTED - timedelta(hours=5), 8 * 3600).save()
    assert listed(viewer, from_="2026-03-28T12:30:00Z", to="2026-03-28T12:31:00Z") == ["07:00"]


@pytest.mark.parametrize("name", ["pinned", "interrupted", "simulated"])
def test_clips_are_filtered_by_their_flags(name: str, viewer: Any, six_clips: list[Clip]) -> None:
    Clip.objects.filter(pk=six_clips[2].pk).update(**{name: True})
    assert listed(viewer, **{name: "true"}) == ["12:02"]
    assert len(listed(viewer, **{name: "false"})) == 5


def test_clips_are_filtered_by_kind_and_camera(viewer: Any, six_clips: list[Clip]) -> None:
    Clip.objects.filter(pk=six_clips[2].pk).update(kind="manual")
    assert listed(viewer, kind="manual", camera="sky") == ["12:02"]


@pytest.mark.parametrize("query", ["kind=film", "pinned=x", "camera=none", "from=now", "nonsense=1"])
def test_an_invalid_filter_is_refused(query: str, viewer: Any, clip: Clip) -> None:
    assert viewer.get(f"{CLIPS}?{query}").status_code == 400


def test_a_hidden_camera_has_no_clips(viewer: Any, manager: Any, clip: Clip, valkey: Any) -> None:
    only_for(clip.camera)
    timeline = f"{CLIPS}timeline/?camera=sky&from=2026-03-28T00:00:00Z&to=2026-03-29T00:00:00Z"
    addresses = [url(clip), url(clip, "file/"), url(clip, "poster/")]
    assert [viewer.get(address).status_code for address in addresses] == [404] * 3
    assert viewer.get(timeline).status_code == 400
    assert listed(viewer) == []
    assert len(listed(manager)) == 1
    assert viewer.patch(url(clip), {"pinned": True}, format="json").status_code == 403


def test_the_file_comes_whole_and_in_ranges(viewer: Any, clip: Clip) -> None:
    whole = viewer.get(url(clip, "file/"))
    part = viewer.get(url(clip, "file/"), headers={"range": "bytes=100-199"})
    assert content(whole) == film()
    assert whole["Content-Type"] == "video/mp4"
    assert whole["ETag"] == f'"{clip.sha256}"'
    assert part.status_code == 206
    assert content(part) == film()[100:200]


def test_a_download_has_the_files_name(viewer: Any, clip: Clip) -> None:
    answer = viewer.get(url(clip, "file/?download=1"))
    assert answer["Content-Disposition"] == f'attachment; filename="{clip.filename}"'
    answer.close()


def test_a_missing_file_raises_an_alert_and_a_file_of_a_host_that_is_away_names_it(viewer: Any, clip: Clip) -> None:
    Path(clip.root.path, clip.path).unlink()
    gone = viewer.get(url(clip, "file/"))
    Clip.objects.update(host="mountain")
    elsewhere = viewer.get(url(clip, "file/"))
    assert gone.status_code == 404
    assert Alert.objects.get().data["clip"] == str(clip.pk)
    assert elsewhere.status_code == 503
    assert elsewhere.json()["host"] == "mountain"


def test_an_operator_pins_and_unpins_and_the_log_says_who(operator: Any, clip: Clip) -> None:
    answers = [operator.patch(url(clip), {"pinned": wanted}, format="json") for wanted in (True, True, False)]
    assert [answer.json()["pinned"] for answer in answers] == [True, True, False]
    found = Event.objects.filter(kind="recording.pinned").order_by("id")
    assert [(event.actor, event.data["pinned"]) for event in found] == [("a-operator", True), ("a-operator", False)]


@pytest.mark.parametrize("body", [{}, {"pinned": "yes"}, {"pinned": 1}, {"pinned": True, "kind": "manual"}, []])
def test_only_the_pin_can_be_changed(body: Any, operator: Any, clip: Clip) -> None:
    assert operator.patch(url(clip), body, format="json").status_code == 400


def test_a_viewer_neither_pins_nor_deletes_and_an_operator_does_not_delete(
    viewer: Any, operator: Any, clip: Clip
) -> None:
    pinned = viewer.patch(url(clip), {"pinned": True}, format="json")
    answers = [pinned, viewer.delete(url(clip)), operator.delete(url(clip))]
    assert [answer.status_code for answer in answers] == [403] * 3


def test_a_manager_deletes_a_clip_with_its_file_and_the_log_says_who(manager: Any, clip: Clip) -> None:
    assert manager.delete(url(clip)).status_code == 204
    event = Event.objects.get(kind="recording.deleted")
    assert event.actor == "a-manager"
    assert event.subject == str(clip.pk)
    assert event.data["sha256"] == clip.sha256
    assert Clip.objects.count() == 0
    assert not Path(clip.root.path, clip.path).exists()
    assert manager.get(url(clip)).status_code == 404


def test_a_held_clip_is_not_deleted_and_the_answer_says_by_what(manager: Any, clip: Clip) -> None:
    ClipHold.objects.create(clip=clip, by="experiment", name="Perseids")
    answer = manager.delete(url(clip))
    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/held"
    assert "experiment Perseids" in answer.json()["detail"]
    assert answer.json()["holds"][0]["name"] == "Perseids"
    assert viewer_sees(manager, clip)["holds"][0]["by"] == "experiment"


def test_a_pinned_clip_is_not_deleted(manager: Any, clip: Clip) -> None:
    Clip.objects.update(pinned=True)
    answer = manager.delete(url(clip))
    assert answer.status_code == 409
    assert "a pin" in answer.json()["detail"]
    assert Path(clip.root.path, clip.path).exists()


def viewer_sees(client: Any, clip: Clip) -> Any:
    return client.get(url(clip)).json()


def test_an_unknown_clip_is_not_found(manager: Any) -> None:
    answers = [manager.get(f"{CLIPS}{UNKNOWN}/"), manager.delete(f"{CLIPS}{UNKNOWN}/")]
    assert [answer.status_code for answer in answers] == [404, 404]


def test_a_file_that_was_changed_is_not_rendered_repeatedly(viewer: Any, clip: Clip) -> None:
    os.truncate(Path(clip.root.path, clip.path), 1000)
    answers = [viewer.get(url(clip, tail)) for tail in ("poster/", "file/?form=faststart", "file/")]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert ["1000 bytes" in answer.json()["detail"] for answer in answers] == [True] * 3


@pytest.mark.parametrize("again", ["back", "deleted"])
def test_an_alert_about_a_missing_file_closes_with_its_cause(again: str, viewer: Any, clip: Clip, valkey: Any) -> None:
    file = Path(clip.root.path, clip.path)
    file.rename(file.with_name("elsewhere"))
    viewer.get(url(clip, "file/"))
    check_health()
    assert Alert.objects.get(key__startswith="storage").state == "open"
    {"back": file.with_name("elsewhere").rename, "deleted": lambda _: delete_clip(clip, "ada")}[again](file)
    check_health()
    assert Alert.objects.get(key__startswith="storage").state == "resolved"
