"""The page of the check of the storage: checks, findings, and the decisions about untracked files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cameras.models import Camera
from captures.models import CaptureFile, IntegrityFinding, StorageRoot
from core.jobs.models import Job
from core.jobs.services import enqueue
from tests.harness.clients.pages import text_of
from tests.harness.rows.captures import file_of, saved
from tests.harness.rows.cards import taken_picture
from tests.harness.rows.storage import ESCAPED, HOSTILE, checked, ended, finding_row

pytestmark = pytest.mark.django_db
PAGE = "/storage/integrity/"


@pytest.fixture
def untracked(root: StorageRoot, folder: Path, camera: Camera) -> IntegrityFinding:
    """A picture without a row, in the folder of no camera."""
    path = folder / "captures" / "found" / "a.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(taken_picture(saved(camera).started_at))
    return finding_row(root, path="captures/found/a.jpg")


def page(client: Any, query: str = "") -> str:
    return text_of(client.get(PAGE + query))


def test_a_station_without_roots_has_nothing_to_check(manager: Any) -> None:
    assert "There is no storage root" in page(manager)


def test_before_the_first_check_the_page_says_so(manager: Any, root: StorageRoot) -> None:
    text = page(manager)
    assert "Never checked" in text
    assert "No open findings." in text


def test_the_last_check_of_each_host_is_shown(manager: Any, root: StorageRoot) -> None:
    StorageRoot.objects.create(host="roof", path="/srv")
    checked(root.host, problems=["/srv is not mounted."])
    text = page(manager)
    assert f'id="check-{root.host}" class="is-warn"' in text
    assert "Done, with problems" in text
    assert "/srv is not mounted." in text
    assert 'data-label="Files">12<' in text
    assert "Never checked" in text


def test_a_check_is_begun_once(manager: Any, root: StorageRoot) -> None:
    there = {"headers": {"Referer": PAGE}, "follow": True}
    first = manager.post(PAGE, {"host": root.host, "hash": "yes"}, format="multipart", **there)
    assert f"The storage of {root.host} is being checked." in text_of(first)
    assert "begun by a-manager." in text_of(manager.post(PAGE, {"host": root.host}, format="multipart", **there))
    assert Job.objects.get().arguments == {"hash": True}


def test_a_check_of_contents_beside_one_without_is_told_apart(manager: Any, root: StorageRoot) -> None:
    enqueue("integrity", root.host, arguments={"hash": False}, actor="boss", camera=None)
    form = {"host": root.host, "hash": "yes"}
    answer = manager.post(PAGE, form, format="multipart", headers={"Referer": PAGE}, follow=True)
    assert "begun by boss. It does not read the contents: check again after it." in text_of(answer)


@pytest.mark.parametrize("host", ["nowhere", "\0", HOSTILE])
def test_a_check_of_an_unknown_host_is_refused(manager: Any, root: StorageRoot, host: str) -> None:
    answer = manager.post(PAGE, {"host": host}, format="multipart", headers={"HX-Request": "true"})
    assert "No host of that name has a storage root." in text_of(answer)
    assert not Job.objects.exists()


def test_a_running_check_refreshes_itself_until_it_has_ended(manager: Any, root: StorageRoot) -> None:
    job, _ = enqueue("integrity", root.host, arguments={"hash": False}, actor="boss", camera=None)
    assert 'hx-get="/storage/integrity/now/"' in page(manager)
    assert 'id="checks"' in text_of(manager.get(f"{PAGE}now/"))
    ended(job, {"rows": 1, "files": 1, "problems": []})
    assert manager.get(f"{PAGE}now/")["HX-Refresh"] == "true"
    assert 'hx-get="/storage/integrity/now/"' not in page(manager)


def test_findings_are_filtered_by_kind_and_host(manager: Any, root: StorageRoot) -> None:
    elsewhere = StorageRoot.objects.create(host="roof", path="/srv")
    finding_row(root, "missing", "clips/lost.mp4", bytes=None, expected_bytes=5)
    finding_row(elsewhere, "untracked", "clips/extra.mp4")
    assert page(manager).count('id="finding-') == 2
    assert "clips/extra.mp4" not in page(manager, "?kind=missing")
    assert "clips/lost.mp4" not in page(manager, "?host=roof")
    assert "No open finding matches these filters." in page(manager, "?kind=missing&host=roof")
    assert page(manager, "?kind=x&host=%00").count('id="finding-') == 2


def test_each_kind_says_what_to_do(manager: Any, root: StorageRoot) -> None:
    finding_row(root, "mismatching", "clips/a.mp4", bytes=3, expected_bytes=5)
    text = page(manager)
    assert "Mismatching: 1" in text
    assert "Missing: 0" in text
    assert "3 B, row 5 B" in text
    assert "Mount or move back the folder, then check again." in text


def test_many_findings_have_further_pages(manager: Any, root: StorageRoot, django_assert_max_num_queries: Any) -> None:
    [finding_row(root, path=f"clips/{number}.mp4") for number in range(51)]
    with django_assert_max_num_queries(20):
        first = page(manager, "?kind=untracked")
    older = re.search(r'href="\?([^"]*before=[^"]+)"', first)
    assert older is not None
    assert first.count('id="finding-') == 50
    assert page(manager, f"?{older[1].replace('&amp;', '&')}").count('id="finding-') == 1
    assert manager.get(f"{PAGE}?before=x").status_code == 404


def test_a_finding_with_a_row_leads_to_its_page_and_offers_no_decision(
    manager: Any, root: StorageRoot, camera: Camera
) -> None:
    file = file_of(saved(camera), root)
    finding = finding_row(root, "missing", file.path, table="captures", row=str(file.pk), camera=camera)
    text = text_of(manager.get(f"{PAGE}{finding.pk}/"))
    assert f'href="/captures/{file.capture_id}/"' in text
    assert "Adopt it?" not in text


def test_an_untracked_picture_is_adopted_for_a_camera(manager: Any, untracked: IntegrityFinding) -> None:
    there = f"{PAGE}{untracked.pk}/"
    assert "Adopt it?" in text_of(manager.get(there))
    answer = manager.post(f"{there}adopt/", {"camera": "sky"}, format="multipart", follow=True)
    assert "Adopted: captures/found/a.jpg." in text_of(answer)
    assert CaptureFile.objects.get().capture.origin == "adopted"
    assert "Adopted" in text_of(manager.get(there))


@pytest.mark.parametrize(
    ("slug", "sentence"),
    [("", "is in the folder of no camera"), ("nobody", "There is no such camera."), ("\0", "There is no such camera.")],
)
def test_an_adoption_without_a_camera_is_refused(
    manager: Any, untracked: IntegrityFinding, slug: str, sentence: str
) -> None:
    answer = manager.post(f"{PAGE}{untracked.pk}/adopt/", {"camera": slug}, format="multipart")
    assert answer.status_code == 409
    assert sentence in text_of(answer)
    assert IntegrityFinding.objects.get().state == "open"


def test_an_untracked_file_is_set_aside_once(manager: Any, untracked: IntegrityFinding, folder: Path) -> None:
    there = f"{PAGE}{untracked.pk}/set-aside/"
    assert "Set aside: it is in set-aside/" in text_of(manager.post(there, follow=True))
    moved = IntegrityFinding.objects.get()
    assert (folder / moved.target).exists()
    answer = manager.post(there)
    assert answer.status_code == 409
    assert "The file is not open any more: it is set_aside." in text_of(answer)


def test_a_file_of_another_host_is_decided_there(manager: Any, root: StorageRoot) -> None:
    finding = finding_row(StorageRoot.objects.create(host="roof", path="/srv"))
    answer = manager.post(f"{PAGE}{finding.pk}/set-aside/")
    assert answer.status_code == 409
    assert "The file is on the host roof." in text_of(answer)


def test_an_unknown_finding_is_not_found(manager: Any) -> None:
    assert manager.get(f"{PAGE}{uuid4()}/").status_code == 404


def test_hostile_names_are_shown_as_text(manager: Any, root: StorageRoot, camera: Camera) -> None:
    Camera.objects.update(name=HOSTILE[:80])
    finding = finding_row(root, path=HOSTILE, camera=camera)
    texts = [page(manager), text_of(manager.get(f"{PAGE}{finding.pk}/"))]
    assert ["<script>alert" in text for text in texts] == [False, False]
    assert [ESCAPED in text for text in texts] == [True, True]
