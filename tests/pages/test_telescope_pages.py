"""The pages of a telescope's field lists."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uuid6
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from cameras.models import Camera
from cameras.status.messages import absent_status
from cameras.status.status import write_status
from captures.models import Session
from scheduler.models import FieldList, NightlyStart, Observation
from scheduler.telescope.field_lists.resource import FieldListChange, FieldListRequest
from scheduler.telescope.field_lists.service import FieldListService
from scheduler.telescope.night.sky import julian_date
from tests.harness.browsers.html_check import html_errors
from tests.harness.clients.pages import text_of
from tests.harness.rows.nights import at_site
from tests.harness.scenarios.observatory import longitude_of_midnight

LA_SILLA = {"latitude": -29.257, "longitude": -70.7295, "elevation": 2347.0, "time_zone": "America/Santiago"}
TEXT = "1.00 -25 Y 100 0 1 0 # sets early\n4.00 -40 Y 200 7200 2 3 # must be done\n2.00 60 Y 100 0 1 0 # never rises\n"
WAITS = "No field can be observed now; the next is field 0 (rises late) at 08:24 UTC."
WRONG = "1.00 -25 Y 100 0 1 0\n25 -25 Y 100 0 1 0 # <b>bold</b>\n"


@pytest.fixture
def tonight(db: None) -> FieldList:
    at_site(LA_SILLA)
    return FieldListService(None, "olga").add(FieldListRequest(name="tonight", text=TEXT))


@pytest.fixture
def telescope(db: None) -> Camera:
    return Camera.objects.create(
        slug="mosaic", name="Mosaic", kind="telescope", address="pco-nuc:6000,6001", host=settings.STATION.host
    )


def night(found: FieldList) -> str:
    return f"/telescope/{found.pk}/?evening=2026-11-20"


def sent(client: Any, path: str, **values: Any) -> Any:
    return client.post(path, values, format="multipart")


def test_without_lists_the_page_says_what_to_do(operator: Any, viewer: Any) -> None:
    assert 'href="/telescope/add/"' in text_of(operator.get("/telescope/"))
    assert "An operator can add one." in text_of(viewer.get("/telescope/"))


def test_the_pages_are_valid_html(
    operator: Any, telescope: Camera, tonight: FieldList, html_validate: Path, tmp_path: Path
) -> None:
    sent(operator, f"/telescope/{tonight.pk}/nightly/", camera="mosaic")
    at_site({**LA_SILLA, "longitude": longitude_of_midnight()})
    pages = {
        "lists": operator.get("/telescope/"),
        "add": sent(operator, "/telescope/add/", name="", text=WRONG),
        "night": operator.get(night(tonight)),
        "edit": sent(operator, f"/telescope/{tonight.pk}/edit/", name="x", text="1 -25 Y 10 0 1 0", preview="yes"),
    }
    for name, answer in pages.items():
        (tmp_path / f"{name}.html").write_text(text_of(answer))
    assert html_errors(html_validate, tmp_path) == ""


def test_a_night_shows_its_choices_with_their_reasons(viewer: Any, tonight: FieldList) -> None:
    page = text_of(viewer.get(night(tonight)))
    assert page.count('class="mark planned"') == 3
    assert "00:17:07 sets early: It has the fewest left, 1 observation, and the least to spare," in page
    assert "It never rises:" in page
    assert "0 of 2" in page


def test_a_date_that_cannot_be_is_refused_with_a_sentence(viewer: Any, tonight: FieldList) -> None:
    page = text_of(viewer.get(f"/telescope/{tonight.pk}/?evening=2026-02-30"))
    assert "Write one such as 2027-03-01." in page


def test_without_coordinates_the_page_says_what_to_set(viewer: Any, db: None) -> None:
    found = FieldListService(None, "olga").add(FieldListRequest(name="tonight", text=TEXT))
    assert "Set the site on the page Settings" in text_of(viewer.get(night(found)))


def test_a_viewer_changes_nothing(viewer: Any, tonight: FieldList) -> None:
    assert 'method="post" action="/telescope/' not in text_of(viewer.get(night(tonight)))
    paths = [f"/telescope/{tonight.pk}/{name}/" for name in ("edit", "add", "observe", "nightly", "archive")]
    assert [sent(viewer, path).status_code for path in paths] == [403] * 5


def test_a_list_is_added_from_a_file(operator: Any, db: None) -> None:
    file = SimpleUploadedFile("tonight.fields", TEXT.encode())
    assert sent(operator, "/telescope/add/", name="new", text="", file=file).status_code == 302
    assert FieldList.objects.get().fields.count() == 3


def test_a_file_in_latin_1_is_added_and_the_page_says_so(operator: Any, db: None) -> None:
    file = SimpleUploadedFile("tonight.fields", "1 -25 Y 100 0 1 0 # Große Wolke".encode("latin-1"))
    answer = sent(operator, "/telescope/add/", name="new", text="", file=file)
    assert "new was added. The file is not UTF-8 and was read as Latin-1." in text_of(operator.get(answer.url))
    assert FieldList.objects.get().fields.get().comment == " Große Wolke"


def test_nothing_of_a_file_that_is_too_long_is_added(operator: Any, db: None) -> None:
    file = SimpleUploadedFile("tonight.fields", f"{TEXT}{'# é' * 400_000}".encode())
    answer = sent(operator, "/telescope/add/", name="new", text="", file=file)
    assert answer.status_code == 400
    assert "characters; it may have up to" in text_of(answer)


def test_wrong_lines_stand_beside_their_numbers(operator: Any, db: None) -> None:
    answer = sent(operator, "/telescope/add/", name="new", text=WRONG)
    page = text_of(answer)
    assert answer.status_code == 400
    assert "Line 2: <code>25 -25 Y" in page
    assert "&lt;b&gt;bold" in page
    assert not FieldList.objects.exists()


def test_a_preview_shows_what_changes_and_saves_nothing(operator: Any, tonight: FieldList) -> None:
    text = TEXT.replace("1.00 -25 Y 100 0 1 0 # sets early\n", "")
    page = text_of(sent(operator, f"/telescope/{tonight.pk}/preview/", name="tonight", text=text))
    assert "<h3>Removed</h3>" in page
    assert "sets early" in page
    assert tonight.fields.count() == 3


def test_a_form_of_an_earlier_revision_is_refused(operator: Any, tonight: FieldList) -> None:
    FieldListService(None, "otto").change(tonight, FieldListChange(text="3.00 -25 Y 100 0 1 0"))
    answer = sent(operator, f"/telescope/{tonight.pk}/edit/", name="tonight", text=TEXT, revision="1")
    assert answer.status_code == 400
    assert "otto has changed the list meanwhile." in text_of(answer)


def test_a_list_is_saved_with_another_name(operator: Any, tonight: FieldList) -> None:
    answer = sent(operator, f"/telescope/{tonight.pk}/edit/", name="later", text=TEXT, revision="1")
    assert answer.status_code == 302
    assert FieldList.objects.get().name == "later"


def test_fields_are_added_for_the_night(operator: Any, tonight: FieldList) -> None:
    sent(operator, f"/telescope/{tonight.pk}/add/", text="3.00 -20 Y 300 0 1 4 # an alert")
    assert tonight.fields.filter(is_added=True).count() == 1


def test_a_night_needs_the_camera_of_a_telescope(operator: Any, camera: Camera, tonight: FieldList) -> None:
    sent(operator, f"/telescope/{tonight.pk}/observe/", camera="sky")
    page = text_of(operator.get(night(tonight)))
    assert "Choose the camera of a telescope." in page
    assert "The station has no camera of a telescope." in page


@pytest.mark.parametrize("is_observed", [True, False])
def test_a_night_of_which_something_was_observed_can_start_over(
    operator: Any, telescope: Camera, tonight: FieldList, is_observed: bool
) -> None:
    at_site({**LA_SILLA, "longitude": longitude_of_midnight()})
    began = timezone.now() - timedelta(minutes=5 if is_observed else 2000)
    Observation.objects.create(
        capture_id=uuid6.uuid7(), field_list=tonight, field_key="x", number=1, observed_at=began, jd=julian_date(began),
        lst_h=0.0, exposure_s=100.0, filename="x", selection=5, reason="", interval_h=0.0,
    )  # fmt: skip
    page = text_of(operator.get(f"/telescope/{tonight.pk}/"))
    assert ('name="start_over"' in page) is is_observed


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/etc/tonight.add", "is not the full path of an .add file"),
        ("/" + "x" * 500, "The path of an .add file has at most 500 characters, in one line."),
    ],
)
def test_an_add_file_of_another_place_is_refused(
    operator: Any, telescope: Camera, tonight: FieldList, path: str, sentence: str
) -> None:
    sent(operator, f"/telescope/{tonight.pk}/observe/", camera="mosaic", add_file=path)
    assert sentence in text_of(operator.get(night(tonight)))


def test_a_list_is_observed_each_night_until_that_is_ended(
    operator: Any, viewer: Any, telescope: Camera, tonight: FieldList
) -> None:
    sent(operator, f"/telescope/{tonight.pk}/nightly/", camera="mosaic")
    page = text_of(viewer.get(night(tonight)))
    assert "Mosaic observes this list each night, as a-operator set." in " ".join(page.split())
    assert 'name="end"' not in page
    assert "observed each night" in text_of(viewer.get("/telescope/"))
    at_site({**LA_SILLA, "longitude": longitude_of_midnight()})
    NightlyStart.objects.update(problem="The camera is disabled: enable it.")
    assert "The night is not started. The camera is disabled: enable it." in text_of(viewer.get(night(tonight)))
    sent(operator, f"/telescope/{tonight.pk}/nightly/", end="yes")
    assert not NightlyStart.objects.exists()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"camera": "sky"}, "Choose the camera of a telescope."),
        ({"camera": "mosaic", "add_file": "/etc/x.add"}, "is not the full path of an .add file"),
        ({"camera": "mosaic", "add_file": "/" + "x" * 500}, "has at most 500 characters, in one line."),
    ],
)
def test_what_no_night_can_be_started_with_is_refused(
    operator: Any, telescope: Camera, tonight: FieldList, values: dict[str, str], sentence: str
) -> None:
    sent(operator, f"/telescope/{tonight.pk}/nightly/", **values)
    assert sentence in text_of(operator.get(night(tonight)))
    assert not NightlyStart.objects.exists()


def test_a_list_is_archived_and_restored(operator: Any, tonight: FieldList) -> None:
    sent(operator, f"/telescope/{tonight.pk}/archive/", archived="yes")
    assert "Archived" in text_of(operator.get("/telescope/"))
    sent(operator, f"/telescope/{tonight.pk}/archive/", archived="no")
    assert FieldList.objects.get().archived_at is None


@pytest.fixture
def waiting(telescope: Camera, tonight: FieldList, valkey: Any) -> Session:
    """A night in which nothing is up."""
    named = {"field_list": str(tonight.pk), "name": "tonight"}
    session = Session.objects.create(
        camera=telescope, name="tonight", state="running", started_at=timezone.now(),
        programme={"kind": "telescope", "exposure_us": 100_000_000, "delay_s": 0, "telescope": named},
    )  # fmt: skip
    reported = {"id": str(session.pk), "state": "running", "planned": 0, "saved": 0, "failed": 0, "skipped": 0}
    known = absent_status("mosaic", "connected", "") | {"observed": "ready"}
    write_status(valkey, known | {"session": reported | {"waits": WAITS}})
    return session


@pytest.mark.parametrize("path", ["/", "/cameras/mosaic/", "/sessions/{}/"])
def test_a_night_in_which_nothing_is_up_says_what_comes_next(viewer: Any, waiting: Session, path: str) -> None:
    assert WAITS in text_of(viewer.get(path.format(waiting.pk)))


def test_the_page_of_a_night_leads_to_its_choices(viewer: Any, waiting: Session, tonight: FieldList) -> None:
    page = text_of(viewer.get(f"/sessions/{waiting.pk}/"))
    assert "the fields of tonight" in page
    assert f'href="/telescope/{tonight.pk}/"' in page
