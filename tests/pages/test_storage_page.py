"""The page of the storage: roots, usage, rules and off-site copies."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from captures.models import Destination, DestinationHost, OffsiteCopy, StorageRoot
from core.events.service import raise_alert
from core.jobs.models import Job
from tests.harness.clients.pages import text_of
from tests.harness.rows.audiences import only_for
from tests.harness.rows.clip_archive import configured
from tests.harness.rows.offsite_rows import copy_row, folder_destination_row
from tests.harness.rows.storage import ESCAPED, HOSTILE, ended, measured, stored

pytestmark = pytest.mark.django_db


def page(client: Any) -> str:
    return text_of(client.get("/storage/"))


@pytest.fixture
def elsewhere(db: None) -> StorageRoot:
    """A root of another host."""
    return StorageRoot.objects.create(host="roof", path="/srv/roof")


def test_a_station_without_roots_says_so(viewer: Any) -> None:
    text = page(viewer)
    assert "There is no storage root." in text
    assert "Nothing has been measured yet." in text


def test_a_mounted_root_has_its_space_and_no_forecast_yet(viewer: Any, root: StorageRoot) -> None:
    measured(root, 2)
    text = page(viewer)
    assert "100 GB of 1 TB" in text
    assert re.search(r"</svg>Mounted</span>", text)
    assert 'Not known yet<br><span class="dim">Measurements of 2 more days are needed.</span>' in text


def test_a_forecast_has_its_day(viewer: Any, root: StorageRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(monkeypatch, soft_floor_gb=10)
    measured(root, 5, free=30_000_000_000, lost=4_000_000_000)
    text = page(viewer)
    assert "about 5 days" in text
    assert f"until {timezone.localdate() + timedelta(days=5):%Y-%m-%d}: 10 GB free" in text
    assert 'class="is-warn"' in text


def test_a_disk_that_does_not_fill_up_has_no_day(viewer: Any, root: StorageRoot) -> None:
    measured(root, 5)
    assert "Does not fill up at present" in page(viewer)


def test_a_root_that_is_not_mounted_says_what_that_means(viewer: Any, root: StorageRoot, folder: Any) -> None:
    (folder / ".skycam-root").unlink()
    text = page(viewer)
    assert "Not mounted" in text
    assert "Nothing is written to it, nothing is deleted from it" in text


def test_a_root_of_another_host_is_known_by_its_measurements(viewer: Any, elsewhere: StorageRoot) -> None:
    assert "Unknown" in page(viewer)
    measured(elsewhere, 1)
    assert "</svg>Mounted</span>" in page(viewer)


def test_an_alert_about_a_root_is_shown_with_it(viewer: Any, elsewhere: StorageRoot) -> None:
    raise_alert(
        f"storage.unmounted:{elsewhere.pk}", "/srv/roof is not mounted. Check `mount`.", severity="error", camera=None
    )
    text = page(viewer)
    assert "/srv/roof is not mounted. Check <code>mount</code>." in text.partition('id="roots"')[2]
    assert "</svg>Not mounted</span>" in text


def test_usage_has_a_curve_for_each_class_and_camera_and_a_table(
    viewer: Any, camera: Camera, root: StorageRoot
) -> None:
    [stored(root, camera, "rolling_clip", 1_000_000_000 * (day + 1), day) for day in range(3)]
    stored(root, camera, "capture", 250_000_000)
    stored(root, None, "thumbnail", 5_000_000, day=1)
    text = page(viewer)
    assert "1.25 GB stored" in text
    assert 'aria-label="Rolling clips from 0 to 3 GB; the table below lists it"' in text
    assert 'aria-label="Sky from 0 to 3 GB; the table below lists it"' in text
    assert re.search(r'<td>Thumbnails</td><td class="num" data-label="Files">3</td>', text)
    assert "Without a camera" in text


def test_a_day_without_a_measurement_keeps_the_last_one(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    stored(root, camera, "capture", 2_000_000_000, day=3)
    stored(root, camera, "capture", 1_000_000_000, day=0)
    days = page(viewer).partition('aria-label="Usage by class and day"')[2].partition("</table>")[0]
    assert re.findall(r'<td class="num">([^<]+)</td>', days) == ["1 GB", "2 GB", "2 GB", "2 GB"]


def test_a_class_without_files_at_the_next_measurement_is_empty(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    stored(root, camera, "manual_clip", 2_000_000_000, day=1)
    stored(root, camera, "capture", 1_000_000_000, day=0)
    assert "1 GB stored" in page(viewer)


def test_files_of_a_hidden_camera_are_those_of_other_cameras(
    viewer: Any, manager: Any, camera: Camera, root: StorageRoot
) -> None:
    stored(root, camera, "capture", 1_000_000_000)
    only_for(camera)
    assert "Other cameras" in page(viewer)
    assert ">Sky<" not in page(viewer)
    assert ">Sky<" in page(manager)


def test_rules_are_sentences_with_their_limits_and_keys(
    viewer: Any, retention: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(monkeypatch, rolling_clips_count=144, soft_floor_gb=12)
    retention(rolling_clip_days=30, trash_days=1)
    text = page(viewer)
    assert "Each camera keeps its newest 144 rolling clips" in text
    assert "Older than 30 days they are deleted. <code>retention.rolling_clip_days</code>" in text
    assert "Below 12 GB of free space" in text
    assert "After 1 day in the trash their files are deleted." in text
    assert "All stay here, also those with an off-site copy." in text


def test_viewers_and_operators_see_no_destinations_and_no_buttons(viewer: Any, operator: Any, manager: Any) -> None:
    folder_destination_row()
    seen = [page(viewer), page(operator)]
    assert [text for text in seen if 'id="offsite"' in text] == []
    assert [text for text in seen if "</svg> Try the rules now" in text] == []
    assert "</svg> Try the rules now" in page(manager)
    assert "second disk" in page(manager)
    assert 'id="offsite"' in text_of(manager.get("/storage/now/"))


def test_without_a_destination_the_page_says_how_one_is_added(manager: Any) -> None:
    assert 'href="/storage/destinations/add/"' in page(manager)


def test_a_destination_has_its_backlog_hours_and_limit(manager: Any) -> None:
    made = folder_destination_row(begin=time(22), end=time(5), bytes_per_s=2_000_000)
    copy_row(made, "queued")
    copy_row(made, "queued")
    text = page(manager)
    assert "2 files, 2 kB" in text
    assert "22:00 to 05:00" in text
    assert "2 MB/s for each host" in text
    assert "Not tested yet" in text


def press(manager: Any, address: str, enabled: str) -> Any:
    return manager.post(address, {"enabled": enabled}, format="multipart", headers={"HX-Request": "true"})


def test_a_destination_is_paused_and_resumed(manager: Any) -> None:
    made = folder_destination_row()
    switch = f"/storage/destinations/{made.pk}/switch/"
    assert "second disk is paused. Files still wait" in text_of(press(manager, switch, "no"))
    assert "Resume<" in page(manager)
    assert "second disk is resumed." in text_of(press(manager, switch, "yes"))
    assert "Nothing was changed" in text_of(press(manager, switch, "maybe"))
    made.refresh_from_db()
    assert made.enabled


def test_a_failing_destination_says_why_and_since_when(manager: Any) -> None:
    made = folder_destination_row()
    DestinationHost.objects.create(
        destination=made, host="main", failures=3, failing_since=timezone.now(), error="No marker in `/nowhere`."
    )
    text = page(manager)
    assert "main fails since" in text
    assert "No marker in <code>/nowhere</code>." in text


def test_a_test_is_begun_and_its_result_is_shown(manager: Any, root: StorageRoot) -> None:
    made = folder_destination_row()
    answer = manager.post(f"/storage/destinations/{made.pk}/test/", follow=True, headers={"Referer": "/storage/"})
    assert "second disk is being tested." in text_of(answer)
    assert "Being tested" in page(manager)
    ended(Job.objects.get(), {"works": False, "said": ["There is no folder /nowhere."]})
    text = page(manager)
    assert "The test failed" in text
    assert "There is no folder /nowhere." in text


def test_a_test_on_a_host_without_files_is_refused(manager: Any) -> None:
    made = folder_destination_row()
    answer = manager.post(f"/storage/destinations/{made.pk}/test/", headers={"HX-Request": "true"})
    assert "has no files" in text_of(answer)
    assert not Job.objects.exists()


def test_dead_copies_are_listed_and_one_is_tried_again(manager: Any) -> None:
    made = folder_destination_row()
    dead, other = copy_row(made), copy_row(made)
    there = f"/storage/destinations/{made.pk}/"
    assert text_of(manager.get(there)).count("Try again<span") >= 2
    retry = f"/storage/copies/{dead.pk}/retry/"
    assert "is queued again." in text_of(manager.post(retry, follow=True, headers={"Referer": there}))
    assert "is not dead any more: it is queued." in text_of(manager.post(retry, headers={"HX-Request": "true"}))
    assert OffsiteCopy.objects.get(state="dead") == other


def test_all_dead_copies_are_tried_again_at_once(manager: Any) -> None:
    made = folder_destination_row()
    copy_row(made)
    copy_row(made)
    retry = f"/storage/destinations/{made.pk}/retry/"
    assert "2 dead copies of second disk queued again." in text_of(manager.post(retry, headers={"HX-Request": "true"}))
    assert "has no dead copies any more" in text_of(manager.post(retry, headers={"HX-Request": "true"}))
    assert not OffsiteCopy.objects.filter(state="dead").exists()


def test_many_dead_copies_have_further_pages(manager: Any) -> None:
    made = folder_destination_row()
    [copy_row(made) for _ in range(51)]
    first = text_of(manager.get(f"/storage/destinations/{made.pk}/"))
    older = re.search(r'href="\?(before=[^"]+)"', first)
    assert older is not None
    assert first.count('id="copy-') == 50
    assert text_of(manager.get(f"/storage/destinations/{made.pk}/?{older[1]}")).count('id="copy-') == 1
    assert manager.get(f"/storage/destinations/{made.pk}/?before=x").status_code == 404


def test_names_with_markup_are_shown_as_text(manager: Any, camera: Camera, root: StorageRoot) -> None:
    Camera.objects.filter(pk=camera.pk).update(name=HOSTILE[:80])
    made = folder_destination_row()
    Destination.objects.filter(pk=made.pk).update(name=HOSTILE[:100], settings={"path": f"/{HOSTILE}"})
    copy = copy_row(made)
    OffsiteCopy.objects.filter(pk=copy.pk).update(path=HOSTILE, error=HOSTILE)
    stored(root, camera, "capture", 1000)
    texts = [page(manager), text_of(manager.get(f"/storage/destinations/{made.pk}/"))]
    assert ["<script>alert" in text for text in texts] == [False, False]
    assert [ESCAPED in text for text in texts] == [True, True]


def test_more_rows_need_no_more_queries(manager: Any, root: StorageRoot, django_assert_max_num_queries: Any) -> None:
    StorageRoot.objects.bulk_create(StorageRoot(host="main", path=f"/srv/{number}") for number in range(50))
    Destination.objects.bulk_create(Destination(name=f"Disk {number}", kind="folder") for number in range(20))
    with django_assert_max_num_queries(30):
        assert text_of(manager.get("/storage/")).count("/srv/") == 50
