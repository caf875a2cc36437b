"""Pages of sessions: the list, the ledger with reasons and gaps, and stopping a session."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import uuid6
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.models import Camera
from captures.models import Capture, Session, SessionGap
from captures.pages.sessions import pages
from core.events.service import record_event
from core.text.sentences import sentence
from tests.harness.clients.pages import MARKUP, text_of
from tests.harness.rows.audiences import only_for

PROGRAMME = {"exposure_us": 8_000_000, "delay_s": 12.0, "f_number": 1.4, "count": 200}
FULL = {"status": "failed", "reason": "disk_full", "message": "The disk is full. Make room."}


@pytest.fixture
def session(camera: Camera) -> Session:
    """Fifty planned captures: forty saved, four failed, and a gap of six after an outage."""
    begin = timezone.now() - timedelta(hours=1)
    made = Session.objects.create(
        camera=camera, name="Perseids", state="running", programme=PROGRAMME, created_by="anna", started_at=begin,
        planned=50, saved=40, failed=4, skipped=6, exposure_total_us=320_000_000,
    )  # fmt: skip
    Capture.objects.bulk_create(
        Capture(
            camera=camera, session=made, index=number, started_at=begin + timedelta(seconds=20 * number),
            **(FULL if number % 11 == 3 else {"status": "saved"}),
        )
        for number in range(44)
    )  # fmt: skip
    SessionGap.objects.create(
        id=uuid6.uuid7(), session=made, from_at=begin + timedelta(minutes=20), to_at=begin + timedelta(minutes=22),
        first_index=44, count=6, reason="host_down", message="The machine was switched off.",
    )  # fmt: skip
    return made


def address(session: Session) -> str:
    return f"/sessions/{session.pk}/"


def test_the_list_shows_programme_counts_and_state(viewer: Any, session: Session) -> None:
    text = text_of(viewer.get("/sessions/"))
    wanted = ["Perseids", "8 s, then 12 s pause, f/1.4; 200 times", "Running", "anna", 'value="0.2500"', "5 min"]
    assert [word for word in wanted if word not in text] == []


def test_the_list_is_filtered_by_camera_and_state(viewer: Any, session: Session) -> None:
    assert "Perseids" in text_of(viewer.get("/sessions/?camera=sky&state=running"))
    assert "Perseids" not in text_of(viewer.get("/sessions/?state=finished"))
    assert "Perseids" in text_of(viewer.get("/sessions/?state=nonsense"))
    assert viewer.get("/sessions/?camera=unknown").status_code == 404
    assert viewer.get("/sessions/?camera=UNKNOWN").status_code == 404


def test_older_sessions_are_on_the_next_page(viewer: Any, camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "ROWS", 1)
    now = timezone.now()
    for name, days in (("young", 0), ("old", 1)):
        Session.objects.create(
            camera=camera, name=name, programme=PROGRAMME, state="finished", created_at=now - timedelta(days=days)
        )
    first = viewer.get("/sessions/")
    second = viewer.get("/sessions/" + first.context["older"])
    assert [[run.session.name for run in answer.context["runs"]] for answer in (first, second)] == [["young"], ["old"]]


def test_the_ledger_names_each_loss_with_its_reason(viewer: Any, session: Session) -> None:
    text = text_of(viewer.get(address(session)))
    wanted = ["6 host down", "4 disk full", "The machine was switched off.", "The disk is full. Make room.", "of 200"]
    assert [word for word in wanted if word not in text] == []
    assert text.count('class="is-bad"') == 4
    assert text.count('class="is-warn"') == 1


def test_an_update_has_only_the_parts_that_change(viewer: Any, session: Session) -> None:
    text = text_of(viewer.get(address(session) + "now/", headers={"hx-request": "true"}))
    assert 'id="session-numbers"' in text
    assert "<html" not in text


def test_only_an_operator_has_the_stop_button(viewer: Any, operator: Any, session: Session) -> None:
    assert ["Stop session" in text_of(client.get(address(session))) for client in (viewer, operator)] == [False, True]
    assert viewer.post(address(session) + "stop/").status_code == 403


def test_without_a_broker_a_stop_says_that_it_will_happen_later(operator: Any, session: Session) -> None:
    Session.objects.update(created_by="a-operator")
    answer = operator.post(address(session) + "stop/", headers={"hx-request": "true"})
    session.refresh_from_db()
    assert "The request is stored: the session stops as soon as its camera can be reached." in text_of(answer)
    assert session.desired == "stopped"


def test_an_ended_session_has_nothing_to_stop(operator: Any, session: Session) -> None:
    Session.objects.update(state="finished", ended_at=timezone.now())
    assert "Stop session" not in text_of(operator.get(address(session)))
    assert "Session finished: 40 saved" in text_of(
        operator.post(address(session) + "stop/", headers={"hx-request": "true"})
    )


def test_a_capture_that_is_overdue_makes_the_page_say_so(viewer: Any, session: Session) -> None:
    Session.objects.update(next_at=timezone.now() - timedelta(minutes=5))
    assert "overdue" in text_of(viewer.get(address(session)))


def test_sessions_of_a_hidden_camera_do_not_exist(viewer: Any, manager: Any, session: Session) -> None:
    only_for(session.camera)
    assert "Perseids" not in text_of(viewer.get("/sessions/"))
    assert [client.get(address(session)).status_code for client in (viewer, manager)] == [404, 200]


def test_names_with_markup_are_shown_as_they_are_written(operator: Any, session: Session) -> None:
    Camera.objects.update(name=MARKUP)
    Session.objects.update(name=MARKUP, created_by=MARKUP, message=MARKUP, warnings=[MARKUP], actual={MARKUP: MARKUP})
    Capture.objects.filter(status="failed").update(message=MARKUP)
    SessionGap.objects.update(message=MARKUP)
    texts = [text_of(operator.get(path)) for path in ("/sessions/", address(session), address(session) + "now/")]
    assert [MARKUP in text for text in texts] == [False] * 3
    assert all("&lt;script&gt;" in text for text in texts)


def test_the_number_of_queries_does_not_grow(viewer: Any, session: Session) -> None:
    from django.db import connection

    viewer.get(address(session))
    found = []
    for number in (1000, 2000):
        for path in ("/sessions/", address(session)):
            with CaptureQueriesContext(connection) as queries:
                viewer.get(path)
            found.append(len(queries))
        Capture.objects.bulk_create(
            Capture(camera=session.camera, session=session, index=number + more, status="failed", reason=f"r{more % 9}")
            for more in range(500)
        )
    assert found[:2] == found[2:]
    assert max(found) <= 25


@pytest.mark.parametrize("address", ["/", "/sessions/", "/sessions/{id}/", "/cameras/sky/"])
def test_an_end_beyond_the_calendar_does_not_break_the_page(address: str, viewer: Any, session: Session) -> None:
    session.programme = {"exposure_us": 1000, "until": "9999-12-31T23:59:59-01:00"}
    session.save()
    assert viewer.get(address.format(id=session.pk)).status_code == 200


def test_settings_in_use_have_labels_and_units(viewer: Any, session: Session) -> None:
    Camera.objects.update(capabilities={"settings": {"gain": {"unit": "dB"}}})
    Session.objects.update(actual={"exposure_us": 1_000_000, "gain": 1.0, "f_number": 1.4})
    text = text_of(viewer.get(address(session)))
    assert '<dt>Exposure</dt><dd>1 s <span class="dim">requested 8 s</span></dd>' in text
    assert "<dt>Gain</dt><dd>1 dB</dd>" in text
    assert "used exposure_us" not in text


def test_the_sessions_timeline_shows_the_losses(viewer: Any, session: Session) -> None:
    text = text_of(viewer.get(address(session))).partition('id="session-line"')[2].partition("</section>")[0]
    assert text.count('class="lost"') == 4
    assert text.count('class="gap"') == 1
    assert re.search(r'class="ran" x="0" y="1" width="9\d\d\.', text), "an hour of the 4000 s that 200 times 20 s take"
    assert "6 missed at" in text
    assert "host down" in text


def test_a_session_that_has_not_started_has_no_timeline(viewer: Any, session: Session) -> None:
    Session.objects.update(started_at=None)
    assert "<svg viewBox" not in text_of(viewer.get(address(session))).partition('id="session-line"')[2][:200]


def test_the_events_of_a_session_name_the_camera(viewer: Any, session: Session) -> None:
    message = sentence("anna started a session on {camera}.", camera=session.camera)
    record_event("session.started", message, camera=session.camera, subject=session.pk)
    assert "anna started a session on Sky." in text_of(viewer.get(address(session)))
