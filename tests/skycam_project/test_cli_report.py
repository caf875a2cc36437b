"""`skycam sessions report`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from cameras.models import Camera
from tests.harness.rows.nights import DUSK, MORNING, NIGHT, at_site, captures_in, gap_in, session_of
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def rainy_night(camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    at_site()
    session = session_of(camera)
    captures_in(session, DUSK, 540)
    gap_in(session, DUSK + 9 * HOUR, DUSK + 10 * HOUR, 60, "unsafe", "The gate rain is closed.")
    monkeypatch.setattr(timezone, "now", lambda: MORNING)


def test_the_last_night_for_people() -> None:
    words = skycam("sessions", "report").stdout
    assert f"Night of {NIGHT}, times in Europe/Berlin" in words
    assert "Incomplete: 540 of 600 captures of 1 camera saved." in words
    assert "01-15 03:00:00" in words  # DUSK and nine hours, by the site's clock
    assert "600 planned = 540 saved + 0 failed + 60 skipped" in words


def test_a_night_as_json_and_as_a_file(tmp_path: Path) -> None:
    file = tmp_path / "night.html"
    body = answer("sessions", "report", NIGHT, "--camera", "sky", "--html", str(file))
    assert (body["night"], body["percent"], body["losses"][0]["reason"]) == (NIGHT, 90, "unsafe")
    assert "Incomplete: 540 of 600" in file.read_text()


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["tomorrow"], 2, "is not a night. Write the date of its evening"),
        (["2027-13-01"], 2, "is not a night"),
        (["--camera", "skye"], 2, "sky"),
        (["--html", "/nowhere/night.html"], 1, "/nowhere/night.html cannot be written: No such file or directory."),
    ],
)
def test_a_wrong_request_says_what_is_wrong(words: list[str], status: int, message: str) -> None:
    found = skycam("sessions", "report", *words)
    assert found.exit_code == status
    assert message in found.output
