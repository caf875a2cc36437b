"""The content of pages, without a browser."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.models import Camera
from core import station_settings
from core.events.service import record_event
from monitoring.pages import KINDS
from skycam_project.cli.diagnostics.finding import Finding
from skycam_project.pages import status
from tests.harness.clients.pages import MARKUP, templates, text_of
from tests.harness.documents.pages import first_cells, section
from tests.harness.rows.captures import file_of, saved
from tests.harness.rows.many import many_cameras, many_captures

PAGES = ["/", "/events/", "/status/", "/users/", "/accounts/", "/cameras/sky/", "/cameras/sky/start/", "/nowhere/"]
INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", re.IGNORECASE)
ELSEWHERE = re.compile(r"""(?:src|href)=["'](?:https?:)?//""", re.IGNORECASE)


def test_no_template_holds_code_style_or_anything_from_elsewhere() -> None:
    texts = {path: path.read_text() for path in templates()}
    assert len(texts) > 300
    assert [
        f"{path}:{text[: found.start()].count(chr(10)) + 1}: {found[0]}"
        for path, text in texts.items()
        for pattern in (INLINE, ELSEWHERE)
        for found in pattern.finditer(text)
    ] == []


@pytest.mark.parametrize("address", ["/", "/cameras/sky/", "/users/"])
def test_a_page_is_sent_without_the_indentation_of_its_templates(address: str, manager: Any, camera: Camera) -> None:
    sent = manager.get(address).content
    assert b"\n  " not in sent.replace(b"\n  <option", b"")  # Django's own template of a <select> keeps its own


@pytest.mark.parametrize("address", [*PAGES, "/admin/", "/api/v1/docs/", "/healthz", "/accounts/login/"])
def test_the_content_security_policy_is_on_every_answer(address: str, manager: Any, camera: Camera) -> None:
    policy = manager.get(address)["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy


@pytest.mark.parametrize("address", [*PAGES, "/accounts/login/"])
def test_a_link_to_another_origin_does_not_reveal_the_page(address: str, manager: Any, camera: Camera) -> None:
    assert manager.get(address)["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("address", PAGES)
def test_a_name_with_markup_is_shown_as_it_is_written(address: str, manager: Any, camera: Camera) -> None:
    from core.events.service import raise_alert, record_event
    from skycam_project.access.models import User

    Camera.objects.update(name=MARKUP, observed_reason=MARKUP, identity={"model": MARKUP, "serial": MARKUP})
    User.objects.create_user(username=MARKUP[:30], role="viewer")
    record_event("camera.state", MARKUP, camera=camera, severity="error")
    raise_alert("x", MARKUP, camera=camera)
    text = text_of(manager.get(address))
    assert MARKUP not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize("address", ["/", "/dashboard/now/", "/cameras/sky/", "/temperatures/", "/status/", "/events/"])
def test_the_number_of_queries_does_not_grow(address: str, viewer: Any, camera: Camera, root: Any) -> None:
    from django.db import connection

    many_captures(camera, root, 3)
    viewer.get(address)
    station_settings.clear_cache()
    with CaptureQueriesContext(connection) as few:
        viewer.get(address)
    for more in many_cameras(19):
        many_captures(more, root, 25)
    station_settings.clear_cache()
    with CaptureQueriesContext(connection) as many:
        viewer.get(address)
    assert len(many) == len(few) <= 30


def test_the_dashboard_shows_the_newest_pictures(viewer: Any, camera: Camera, pictures: list[Any]) -> None:
    text = text_of(viewer.get("/"))
    assert text.count('class="th"') == 12
    assert f"/api/v1/captures/{pictures[0].pk}/thumbnail/?size=320" in text


@pytest.mark.parametrize(("simulated", "marks"), [(True, 1), (False, 0)])
def test_the_card_of_a_camera_that_is_switched_off_marks_a_simulated_picture(
    simulated: bool, marks: int, valkey: Any, viewer: Any, camera: Camera, root: Any
) -> None:
    capture = saved(camera, simulated=simulated)
    file_of(capture, root)
    Camera.objects.update(enabled=False)
    well = text_of(viewer.get("/")).partition('id="well-sky"')[2].partition("</article>")[0]
    assert f"/api/v1/captures/{capture.pk}/" in well
    assert well.count(">SIMULATED<") == marks


def test_the_chart_has_a_point_for_each_minute(viewer: Any, camera: Camera, pictures: list[Any]) -> None:
    (series,) = viewer.get("/temperatures/").json()["series"]
    assert series["name"] == "Sky"
    assert len(series["points"]) == 500
    assert series["points"] == sorted(series["points"])


def test_a_lost_capture_says_why_on_the_card(viewer: Any, camera: Camera) -> None:
    from captures.models import Capture

    Capture.objects.create(camera=camera, status="failed", reason="disk_full", message="The disk is full. Make room.")
    assert "The disk is full. Make room." in text_of(viewer.get("/"))


def test_without_a_broker_no_camera_is_shown_as_working(viewer: Any, camera: Camera) -> None:
    text = text_of(viewer.get("/"))
    assert "Unknown" in text
    assert "broker does not answer" in text


def test_without_a_host_the_card_says_where_to_look(valkey: Any, viewer: Any, camera: Camera) -> None:
    text = text_of(viewer.get("/"))
    assert "Host down" in text
    assert "Start the station there" in text


def test_a_disabled_camera_is_not_a_fault(valkey: Any, viewer: Any, camera: Camera) -> None:
    Camera.objects.update(enabled=False)
    text = text_of(viewer.get("/"))
    assert "Switched off" in text
    assert "Host down" not in text


def test_a_station_without_cameras_says_how_to_get_one(manager: Any) -> None:
    assert "Find or add one" in text_of(manager.get("/"))


def test_consecutive_captures_are_one_line_of_the_feed(viewer: Any, camera: Camera) -> None:
    from core.events.service import record_event

    for _ in range(40):
        record_event("capture.saved", "sky saved a capture.", camera=camera)
    text = text_of(viewer.get("/"))
    assert "40 captures saved: Sky." in text


def test_consecutive_clips_do_not_crowd_out_other_events(viewer: Any, camera: Camera) -> None:
    from core.events.service import record_event

    record_event("camera.state", "It rained.", severity="warning", camera=None)
    for kind in ("recording.rotated", "capture.saved", "capture.saved") * 10:
        record_event(kind, "All is well.", camera=camera)
    record_event("recording.lost", "It lost a frame.", severity="warning", camera=camera)
    text = text_of(viewer.get("/"))
    assert ["20 captures saved, 10 clips recorded: Sky." in text, "It rained." in text, "It lost" in text] == [True] * 3


def test_events_are_chosen_by_the_address(viewer: Any, camera: Camera) -> None:
    from core.events.service import record_event

    record_event("camera.state", "It rained.", severity="warning", camera=None)
    record_event("camera.state", "It shone.", camera=None)
    text = text_of(viewer.get("/events/?severity=warning"))
    assert "It rained." in text
    assert "It shone." not in text


def test_every_kind_of_event_can_be_chosen(manager: Any) -> None:
    """The kinds in docs/clients/contracts.md."""
    documented = {kind.split(".")[0] for kind in first_cells(section("docs/clients/contracts.md", "Events"))}
    text = text_of(manager.get("/events/"))
    assert documented == set(KINDS)
    assert [kind for kind in documented if f'<option value="{kind}">' not in text] == []


@pytest.mark.parametrize("kind", ["command", "command.", "command.done"])
def test_a_kind_is_chosen_with_all_that_belongs_to_it(viewer: Any, kind: str) -> None:
    record_event("command", "ben started a session.", camera=None)
    record_event("command.done", "It was done.", camera=None)
    record_event("commanded.else", "It is not a command.", camera=None)
    text = text_of(viewer.get(f"/events/?kind={kind}"))
    shown = ["ben started" in text, "It was done." in text, "It is not a command." in text]
    assert shown == [kind != "command.done", True, False]


def test_a_viewer_is_not_offered_what_only_managers_see(viewer: Any) -> None:
    assert '<option value="user">' not in text_of(viewer.get("/events/"))


def test_the_status_says_why_a_camera_was_restarted_last(viewer: Any, camera: Camera) -> None:
    for reason in ("It hung.", "It crashed."):
        record_event("part.restarted", f"sky: {reason}", camera=camera, data={"reason": "x", "message": reason})
    [row] = re.findall(r'<tr id="row-main-sky".*?</tr>', text_of(viewer.get("/status/")), re.DOTALL)
    assert "It crashed.</td>" in row


def test_the_checks_show_their_states(operator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [Finding("database", "ok", "It answers."), Finding("clock", "warning", "It is off.", "Run `ntp`.")]
    monkeypatch.setattr(status, "run_diagnostics", lambda _: findings)
    text = text_of(operator.get("/status/examination/"))
    assert re.findall(r"</svg>(\w+)</span>", text) == ["OK", "Warning"]
    assert "<code>ntp</code>" in text


def test_an_invalid_cursor_is_not_found(viewer: Any) -> None:
    assert viewer.get("/events/?before=rubbish").status_code == 404


def test_an_alert_is_on_every_page_until_it_is_acknowledged(operator: Any, camera: Camera) -> None:
    from core.events.service import raise_alert

    alert = raise_alert("disk", "The disk is nearly full. Make room.", severity="error", camera=None)
    assert "nearly full" in text_of(operator.get("/cameras/sky/"))
    operator.post(f"/alerts/{alert.pk}/acknowledge/")
    assert "nearly full" not in text_of(operator.get("/cameras/sky/"))


def test_a_capture_that_cannot_be_sent_says_so_in_its_place(valkey: Any, operator: Any, camera: Camera) -> None:
    answer = operator.post("/cameras/sky/capture/", headers={"HX-Request": "true"})
    assert "Not saved. The camera host" in text_of(answer)
    assert answer["HX-Trigger"] == "acted"


def test_without_scripts_the_outcome_is_shown_on_the_page_returned_to(operator: Any, camera: Camera) -> None:
    answer = operator.post("/cameras/sky/stop/", headers={"Referer": "http://testserver/cameras/sky/"}, follow=True)
    assert answer.redirect_chain == [("http://testserver/cameras/sky/", 302)]
    assert "No session is running on this camera." in text_of(answer)


def test_a_redirect_never_leads_to_another_site(operator: Any, camera: Camera) -> None:
    answer = operator.post("/cameras/sky/stop/", {"next": "https://elsewhere.example/"}, format="multipart")
    assert answer["Location"] == "/"


@pytest.mark.parametrize("theme", ["light", "dark", "red", "system"])
def test_the_server_writes_the_theme_into_the_page(theme: str, viewer: Any) -> None:
    viewer.post("/preferences/", {"theme": theme}, format="multipart")
    assert f'data-theme="{theme}"' in text_of(viewer.get("/"))


def test_the_second_clock_is_utc_before_a_script_runs(viewer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skycam_project.pages.preferences.station_zone", lambda: ZoneInfo("Asia/Tokyo"))
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    assert f"<span data-clock-utc>{now:%H:%M:%S}</span>" in text_of(viewer.get("/tonight/"))


@pytest.mark.parametrize(("zone", "shown"), [("Asia/Tokyo", True), ("UTC", False)])
def test_a_station_in_utc_has_one_clock(zone: str, shown: bool, viewer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skycam_project.pages.context.station_zone", lambda: ZoneInfo(zone))
    assert ("<span hidden> <span data-clock-utc>" in text_of(viewer.get("/tonight/"))) is not shown


def test_an_unknown_theme_becomes_the_systems(viewer: Any) -> None:
    viewer.cookies["theme"] = '"><script>'
    assert 'data-theme="system"' in text_of(viewer.get("/"))


def test_static_files_are_cached_forever_under_their_hash(client: Any) -> None:
    from django.templatetags.static import static

    hashed = client.get(static("css/tokens.css"))
    assert hashed["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "immutable" not in client.get("/static/css/tokens.css?v=000000000000")["Cache-Control"]


@pytest.mark.parametrize("address", ["/events/?camera=", "/events/?kind=", "/sessions/?camera=", "/gallery/?camera="])
def test_nul_in_an_address_does_not_reach_the_database(address: str, viewer: Any, camera: Camera) -> None:
    from django.db import connection

    parameters: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        parameters.append(repr(params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        assert viewer.get(address + "a%00").status_code in {200, 404}
    assert [params for params in parameters if "\\x00" in params] == []


@pytest.mark.parametrize("address", ["/", "/events/", "/status/", "/cameras/sky/"])
def test_a_page_shows_what_an_event_says(address: str, manager: Any, camera: Camera) -> None:
    record_event("part.restarted", "The recorder was slow.", camera=camera)
    assert re.search(r'<span class="what"> ?The recorder was slow\.', text_of(manager.get(address)))


def test_a_single_kind_that_a_link_chose_stays_chosen(manager: Any, camera: Camera) -> None:
    record_event("part.restarted", "It was restarted.", camera=camera)
    page = text_of(manager.get("/events/?kind=part.restarted"))
    assert '<option value="part.restarted" selected>part.restarted</option>' in page
    assert "It was restarted." in page
