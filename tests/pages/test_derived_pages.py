"""The pages that a resource without pages of its own has, shown by those of silences."""

from __future__ import annotations

from typing import Any

import pytest

from monitoring.models import AlertSilence
from monitoring.notifications import silences
from tests.harness.clients.pages import text_of

WANTED = {"for_s": "8 h", "key_prefix": "camera.", "camera": "", "reason": "New lens"}


@pytest.fixture
def silence(manager: Any) -> AlertSilence:
    manager.post("/silences/add/", WANTED, format="multipart")
    return AlertSilence.objects.get()


def test_a_manager_adds_a_row_by_its_form(manager: Any, silence: AlertSilence) -> None:
    assert (silence.key_prefix, silence.reason, silence.created_by) == ("camera.", "New lens", "a-manager")
    assert (silence.ends_at - silence.created_at).total_seconds() == 8 * 3600


def test_the_list_shows_each_row_with_what_can_be_done(manager: Any, silence: AlertSilence) -> None:
    page = text_of(manager.get("/silences/"))
    assert "New lens" in page
    assert f"{silence.ends_at:%H:%M:%S}" in page
    assert "End" in page
    assert "Add a silence" in page


def test_a_wrong_value_is_told_at_its_field_and_stores_nothing(manager: Any) -> None:
    answer = manager.post("/silences/add/", {**WANTED, "for_s": "soon"}, format="multipart")
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == ["for_s"]
    assert not AlertSilence.objects.exists()


def test_what_cannot_be_done_now_is_told_above_the_fields(manager: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silences, "MAX_ACTIVE", 0)
    answer = manager.post("/silences/add/", WANTED, format="multipart")
    assert (answer.status_code, "There are 0 active silences. End one first." in text_of(answer)) == (400, True)


def test_a_press_does_what_the_operation_does_and_leads_back(manager: Any, silence: AlertSilence) -> None:
    answer = manager.post(f"/silences/{silence.pk}/end/", HTTP_REFERER="/alerts/")
    silence.refresh_from_db()
    assert (answer.url, silence.ended_by) == ("/alerts/", "a-manager")


def test_a_reader_without_the_role_sees_the_list_without_forms(viewer: Any, manager: Any) -> None:
    manager.post("/silences/add/", {**WANTED, "key_prefix": "", "camera": "sky"}, format="multipart")
    page = text_of(viewer.get("/silences/"))
    assert "Add a silence" not in page
    assert viewer.get("/silences/add/").status_code == 403


def test_older_rows_are_on_a_page_of_their_own(manager: Any, silence: AlertSilence) -> None:
    manager.post("/silences/add/", {**WANTED, "reason": "Later"}, format="multipart")
    first = manager.get("/silences/?limit=1")
    older = first.context["older"]
    assert ("Later" in text_of(first), "New lens" in text_of(first)) == (True, False)
    assert "New lens" in text_of(manager.get(older))


def test_an_empty_list_says_what_rows_would_do(viewer: Any) -> None:
    assert "No silences." in text_of(viewer.get("/silences/"))


def test_the_menu_leads_to_the_list(viewer: Any) -> None:
    assert '<a href="/silences/"' in " ".join(viewer.get("/silences/").content.decode().split())
