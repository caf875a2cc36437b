"""The page of the trash: restore captures, and delete them for good."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cameras.models import Camera
from captures.models import Capture, StorageRoot
from captures.storage.trash.services import restore_capture
from core.events.models import Event
from core.templatetags.skycam import datetime_text
from tests.harness.clients.pages import text_of
from tests.harness.rows.offsite_rows import folder_destination_row
from tests.harness.rows.storage import ESCAPED, HOSTILE, trashed_capture

pytestmark = pytest.mark.django_db
TRASH, RESTORE, DELETE = "/storage/trash/", "/storage/trash/restore/", "/storage/trash/delete/"


@pytest.fixture
def trashed(camera: Camera, root: StorageRoot) -> Capture:
    """Two days ago."""
    return trashed_capture(camera, root, days=2)


def post(client: Any, address: str, *captures: Capture, **fields: str) -> Any:
    chosen = [str(capture.pk) for capture in captures]
    return client.post(address, {"capture": chosen, **fields}, format="multipart", follow=True)


def files_of(capture: Capture) -> list[bool]:
    """Whether each of its files is on the disk."""
    return [Path(file.root.path, file.path).exists() for file in capture.files.select_related("root")]


def moved_at(capture: Capture) -> datetime:
    assert capture.trashed_at is not None
    return capture.trashed_at


def test_an_empty_trash_says_how_captures_come_here(manager: Any) -> None:
    assert "The trash is empty." in text_of(manager.get(TRASH))


def test_a_capture_has_who_when_and_until_when(manager: Any, trashed: Capture) -> None:
    trashed.refresh_from_db()
    text = text_of(manager.get(TRASH))
    assert 'data-label="By">boss<' in text
    assert 'data-label="Size">10.2 kB<' in text
    assert datetime_text(moved_at(trashed) + timedelta(days=30)) in text
    assert f"/api/v1/captures/{trashed.pk}/thumbnail/" in text


def test_a_capture_that_a_rule_moved_names_the_rule(manager: Any, trashed: Capture) -> None:
    Capture.objects.update(trashed_by="")
    assert 'data-label="By">the rule of age<' in text_of(manager.get(TRASH))


def test_the_trash_is_filtered_by_camera(manager: Any, trashed: Capture, root: StorageRoot) -> None:
    other = Camera.objects.create(slug="roof", name="Roof", kind="simulated", host=root.host)
    there = trashed_capture(other, root)
    text = text_of(manager.get(f"{TRASH}?camera=roof"))
    assert f"capture-{there.pk}" in text
    assert f"capture-{trashed.pk}" not in text
    assert f"capture-{trashed.pk}" in text_of(manager.get(f"{TRASH}?camera=%00"))


def test_a_camera_without_captures_in_the_trash_says_so(manager: Any, trashed: Capture) -> None:
    Camera.objects.create(slug="roof", name="Roof", kind="simulated", host="main")
    assert "No capture of this camera is in the trash." in text_of(manager.get(f"{TRASH}?camera=roof"))


def test_many_captures_have_further_pages(
    manager: Any, camera: Camera, root: StorageRoot, django_assert_max_num_queries: Any
) -> None:
    [trashed_capture(camera, root, days=number / 100) for number in range(51)]
    with django_assert_max_num_queries(20):
        first = text_of(manager.get(TRASH))
    older = re.search(r'href="\?(before=[^"]+)"', first)
    assert older is not None
    assert first.count('id="capture-') == 50
    assert text_of(manager.get(f"{TRASH}?{older[1]}")).count('id="capture-') == 1
    assert manager.get(f"{TRASH}?before=nonsense").status_code == 404


def test_chosen_captures_are_restored(manager: Any, trashed: Capture, camera: Camera, root: StorageRoot) -> None:
    other = trashed_capture(camera, root)
    assert "1 capture was restored." in text_of(post(manager, RESTORE, trashed))
    assert Capture.objects.in_trash().get() == other
    assert Event.objects.get(kind="capture.restored").actor == "a-manager"


def test_nothing_chosen_changes_nothing(manager: Any, trashed: Capture) -> None:
    assert "Choose captures." in text_of(post(manager, RESTORE))
    assert "Choose captures." in text_of(post(manager, DELETE))
    assert Capture.objects.in_trash().exists()


def test_a_capture_that_somebody_restored_a_moment_ago_is_said(
    manager: Any, trashed: Capture, camera: Camera, root: StorageRoot
) -> None:
    other = trashed_capture(camera, root)
    restore_capture(trashed, "boss")
    assert "1 capture was not in the trash any more." in text_of(post(manager, RESTORE, trashed, other))
    assert "They are not in the trash any more" in text_of(post(manager, DELETE, trashed, confirmation="1"))
    assert files_of(trashed) == [True]


def test_delete_now_asks_first(manager: Any, trashed: Capture) -> None:
    text = text_of(post(manager, DELETE, trashed))
    assert "Delete 1 capture for good?" in text
    assert "Type the number of captures to confirm: 1" in text
    assert files_of(trashed) == [True]


@pytest.mark.parametrize("typed", ["", "2", "yes"])
def test_another_number_deletes_nothing(manager: Any, trashed: Capture, typed: str) -> None:
    answer = post(manager, DELETE, trashed, confirmation=typed)
    assert answer.status_code == 400
    assert files_of(trashed) == [True]


def test_a_confirmed_deletion_deletes_the_files(manager: Any, trashed: Capture) -> None:
    place = trashed.files.get()
    assert "1 capture was deleted." in text_of(post(manager, DELETE, trashed, confirmation="1"))
    assert not Path(place.root.path, place.path).exists()
    assert Event.objects.get(kind="capture.deleted").actor == "a-manager"
    assert not Capture.objects.in_trash().exists()


def test_a_capture_that_waits_for_its_off_site_copy_is_left_out(manager: Any, trashed: Capture) -> None:
    folder_destination_row(classes=["capture"], keep_local=True)
    text = text_of(post(manager, DELETE, trashed, confirmation="1"))
    assert "Nothing can be deleted now" in text
    assert "1 of the chosen captures stays" in text
    assert files_of(trashed) == [True]


def test_files_on_a_disk_that_is_away_are_deleted_later(manager: Any, trashed: Capture, folder: Path) -> None:
    (folder / ".skycam-root").unlink()
    text = text_of(post(manager, DELETE, trashed, confirmation="1"))
    assert "1 capture was not deleted yet" in text
    assert "not mounted" in text
    assert files_of(trashed) == [True]


def test_files_on_another_host_are_deleted_by_it(manager: Any, trashed: Capture) -> None:
    trashed.files.update(host="roof")
    assert "goes on within a minute" in text_of(post(manager, DELETE, trashed, confirmation="1"))
    assert Capture.objects.exclude(purged_at=None).get() == trashed


def test_bad_ids_are_no_captures(manager: Any, trashed: Capture) -> None:
    answer = manager.post(RESTORE, {"capture": ["x", "'; DROP"]}, format="multipart", follow=True)
    assert "They are not in the trash any more" in text_of(answer)
    assert Capture.objects.in_trash().exists()


def test_hostile_names_are_shown_as_text(manager: Any, trashed: Capture) -> None:
    Camera.objects.update(name=HOSTILE[:80])
    Capture.objects.update(trashed_by=HOSTILE[:150])
    texts = [text_of(manager.get(TRASH)), text_of(post(manager, DELETE, trashed))]
    assert ["<script>alert" in text for text in texts] == [False, False]
    assert [ESCAPED in text for text in texts] == [True, True]


def test_the_days_of_the_page_are_those_of_the_configuration(
    manager: Any, trashed: Capture, retention: Callable[..., None]
) -> None:
    retention(trash_days=7.5)
    assert "captures that can be restored for 7.5 days" in text_of(manager.get(TRASH))
