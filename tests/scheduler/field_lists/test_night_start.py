"""What a request to observe starts: the night, and an `.add` file of the camera's host."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from pytest_django import Settings

from scheduler.models import FieldList
from scheduler.telescope.field_lists.night_start import night_start
from scheduler.telescope.field_lists.resource import FieldListRequest, ObserveRequest
from scheduler.telescope.field_lists.service import FieldListService
from scheduler.telescope.night.sky import TelescopeSite

pytestmark = pytest.mark.django_db
AFTERNOON = datetime(2026, 11, 20, 20, tzinfo=UTC)
MORNING = datetime(2026, 11, 21, 12, tzinfo=UTC)
"""Between sunrise and noon at La Silla."""


@pytest.fixture
def tonight() -> FieldList:
    return FieldListService(None, "olga").add(FieldListRequest(name="tonight", text="1.00 -25 Y 100 0 1 0"))


@pytest.fixture
def alerts(tmp_path: Path, settings: Settings) -> Path:
    """The only folder of the setting `sources`."""
    folder = tmp_path / "alerts"
    folder.mkdir()
    settings.STATION = settings.STATION.model_copy(update={"sources": [folder]})
    return folder


def added_from(tonight: FieldList, path: str) -> str:
    request = ObserveRequest(camera="mosaic", add_file=path)
    return night_start(tonight, TelescopeSite(), request, AFTERNOON).telescope["add_file"]


@pytest.mark.parametrize(("now", "evening"), [(AFTERNOON, "2026-11-20"), (MORNING, "2026-11-21")])
def test_after_sunrise_the_next_night_is_started(tonight: FieldList, now: datetime, evening: str) -> None:
    found = night_start(tonight, TelescopeSite(), ObserveRequest(camera="mosaic"), now)
    assert (found.telescope["evening"], found.begin.date().isoformat()) == (evening, evening)


def test_a_night_that_is_over_is_refused(tonight: FieldList) -> None:
    request = ObserveRequest(camera="mosaic", evening=date(2026, 11, 20))
    with pytest.raises(ValidationError, match="The night of 2026-11-20 is over"):
        night_start(tonight, TelescopeSite(), request, MORNING)


@pytest.mark.parametrize("start_over", [True, False])
def test_a_night_is_continued_unless_it_is_to_start_over(tonight: FieldList, start_over: bool) -> None:
    request = ObserveRequest(camera="mosaic", start_over=start_over)
    assert night_start(tonight, TelescopeSite(), request, AFTERNOON).telescope["start_over"] is start_over


def test_a_night_has_no_add_file_unless_one_is_given(tonight: FieldList) -> None:
    assert added_from(tonight, "") == ""


def test_the_file_need_not_exist_yet(tonight: FieldList, alerts: Path) -> None:
    assert added_from(tonight, f"{alerts}/tonight.add") == os.path.realpath(alerts / "tonight.add")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/tonight.add", "tonight.add", "{alerts}/../tonight.add", "{alerts}-private/tonight.add",
        "{alerts}/link/tonight.add", "{alerts}/tonight.txt", "{alerts}",
    ],
)  # fmt: skip
def test_another_path_is_refused_with_what_is_allowed(tonight: FieldList, alerts: Path, path: str) -> None:
    (alerts / "link").symlink_to("/etc")
    with pytest.raises(ValidationError) as refusal:
        added_from(tonight, path.format(alerts=alerts))
    [sentence] = refusal.value.message_dict["add_file"]
    assert "is not the full path of an .add file" in sentence
    assert str(settings.STATION.sources[0]) in sentence
