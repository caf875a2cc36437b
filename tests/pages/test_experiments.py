"""The pages of experiments: the list, the page in each state, and who sees what."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from cameras.status.messages import absent_status
from cameras.status.status import write_status
from captures.experiments import coverage
from captures.experiments.models import Experiment
from captures.experiments.resource import ReasonBody
from captures.experiments.service import ExperimentService
from captures.models import Session, StorageRoot
from captures.pages.experiments import pages
from core.events.service import record_event
from core.text.sentences import sentence
from tests.harness.clients.pages import MARKUP, text_of
from tests.harness.rows.audiences import only_for
from tests.harness.rows.experiments import at, capture_in, clip_in, experiment_of, running, suspended
from tests.harness.rows.recorder_status import RECORDER

HOSTILE = f"{MARKUP} \N{MICROSCOPE}" + "W" * 270
"""Markup, an emoji and no place for a line break, in 300 characters."""


@pytest.fixture
def other(camera: Camera) -> Camera:
    return Camera.objects.create(slug="bath", name="Crystal bath", kind="simulated", host=camera.host)


@pytest.fixture
def run(camera: Camera, root: StorageRoot) -> Experiment:
    """An hour long: video, 5 minutes stopped by ben, video, and one lost and one saved capture."""
    found = running(camera)
    clip_in(found, camera, root, 0, 1200, lost_frames=3)
    clip_in(found, camera, root, 1500, 3590)
    suspended(found, "ben", 1200, 1500)
    capture_in(found, camera, 600)
    capture_in(found, camera, 700, "failed", reason="disk_full", message="The disk is full.")
    return found


def address(experiment: Experiment, part: str = "") -> str:
    return f"/experiments/{experiment.pk}/{part}"


def page(client: Any, experiment: Experiment) -> str:
    return text_of(client.get(address(experiment)))


def section(text: str, ident: str) -> str:
    return text.partition(f'id="{ident}"')[2].partition("</section>")[0]


def test_without_experiments_the_list_says_what_to_do_next(viewer: Any, operator: Any) -> None:
    assert 'href="/experiments/add/"' in text_of(operator.get("/experiments/"))
    shown = text_of(viewer.get("/experiments/"))
    assert "An operator can create one." in shown
    assert 'href="/experiments/add/"' not in shown


def test_the_list_shows_each_experiment_with_its_state(viewer: Any, camera: Camera) -> None:
    experiment_of(camera, name="Frost", method="Cooling")
    text = text_of(viewer.get("/experiments/"))
    assert [word for word in ("Frost", "Cooling", "Planned", "begins by hand", "Sky") if word not in text] == []


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", True), ("state=planned", True), ("state=running", False), ("state=nonsense", True), ("tag=mirror", True),
        ("tag=other", False), ("search=ROS", True), ("search=snow", False), ("camera=sky", True), ("search=%00", True),
    ],
)  # fmt: skip
def test_the_filters_are_in_the_address(query: str, shown: bool, viewer: Any, camera: Camera) -> None:
    experiment_of(camera, name="Frost").tags.create(name="mirror")
    assert ("Frost</a>" in text_of(viewer.get(f"/experiments/?{query}"))) == shown


def test_a_filter_by_an_unknown_camera_is_not_found(viewer: Any) -> None:
    assert viewer.get("/experiments/?camera=nowhere").status_code == 404


def test_older_experiments_are_on_the_next_page(viewer: Any, camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "ROWS", 1)
    experiment_of(camera, name="Old", created_at=timezone.now() - timedelta(days=1))
    experiment_of(camera, name="Young")
    first = viewer.get("/experiments/?state=planned")
    second = viewer.get("/experiments/" + first.context["older"])
    names = [[one.experiment.name for one in answer.context["displays"]] for answer in (first, second)]
    assert names == [["Young"], ["Old"]]


def test_a_planned_experiment_can_be_started(operator: Any, camera: Camera) -> None:
    shown = page(operator, experiment_of(camera))
    assert "Start</span>" in shown
    assert "Complete</span>" not in shown
    assert "Nothing is recorded yet." in shown


def test_a_running_experiment_shows_its_account(viewer: Any, run: Experiment) -> None:
    account = section(page(viewer, run), "experiment-account")
    wanted = ["54 min 50 s of", "1 gap, 5 min", "ben stopped the recording.", "3 of 80", "1 saved", "1 failed"]
    assert [word for word in wanted if word not in account] == []
    assert "100 %" not in account


def test_the_drawing_names_who_stopped_the_recording(viewer: Any, run: Experiment) -> None:
    drawing = page(viewer, run).partition('id="experiment-run"')[2].partition("</svg></div>")[0]
    assert '<rect class="stopped"' in drawing
    assert "No video: ben stopped the recording." in drawing
    assert '<text class="who" x="50%" y="11" text-anchor="middle">ben</text>' in drawing
    assert re.search(r'<path class="capture" d="M1\d\d 4V22">', drawing), "after 10 of about 60 minutes"
    assert drawing.count("<title>Sky: Capture failed") == 1
    assert 'class="now"' in drawing


def test_gaps_that_would_be_drawn_over_each_other_are_one_mark(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    found = running(camera, since=timedelta(days=10))
    for begin_s in range(0, 3000, 60):
        clip_in(found, camera, root, begin_s, begin_s + 40)
    drawing = page(viewer, found).partition('id="experiment-run"')[2].partition("</svg></div>")[0]
    gaps = [title for title in re.findall("<title>([^<]*)", drawing) if "No video" in title]
    assert [re.sub(r"\..*", "", title) for title in gaps] == [
        "Sky: No video: No clip covers this time (the first of 38, 12 min in all)",
        "Sky: No video: No clip covers this time (the first of 11, 3 min in all)",
        "Sky: No video: No clip covers this time",
    ]


def test_the_table_has_what_the_drawing_has(viewer: Any, run: Experiment) -> None:
    table = section(page(viewer, run), "experiment-run-table")
    assert table.count(">Video</a>") == 2
    assert table.count("No video: ben stopped the recording.") == 1


@pytest.mark.parametrize("end", ["9900-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_run_whose_planned_end_is_beyond_all_calendars_is_shown(end: str, viewer: Any, camera: Camera) -> None:
    found = running(camera, planned_end=datetime.fromisoformat(end))
    assert viewer.get(address(found)).status_code == 200


def test_without_a_broker_it_is_not_known_whether_a_camera_is_recorded(viewer: Any, run: Experiment) -> None:
    banner = page(viewer, run).partition('id="experiment-trouble"')[2].partition("</div>")[0]
    assert "It is not known whether Sky is recorded." in banner


@pytest.mark.parametrize(
    ("observed", "recorder", "sentence"),
    [
        ("reconnecting", None, "Sky is not recorded at present.</b> It answers nothing."),
        ("ready", RECORDER | {"state": "failing", "message": "The disk is full."}, "The disk is full."),
    ],
)
def test_a_camera_that_fails_is_named_before_its_clips_show_it(
    observed: str, recorder: Any, sentence: str, viewer: Any, run: Experiment, valkey: Any
) -> None:
    found = absent_status("sky", "connected", "It answers nothing.")
    write_status(valkey, found | {"observed": observed, "recorder": recorder})
    assert sentence in page(viewer, run).partition('id="experiment-trouble"')[2].partition("</div>")[0]


def test_a_camera_whose_recording_could_not_be_requested_is_named(viewer: Any, run: Experiment) -> None:
    run.places.update(means="")
    banner = page(viewer, run).partition('id="experiment-trouble"')[2].partition("</div>")[0]
    assert "could not be requested" in banner


def test_a_camera_that_is_recorded_has_no_banner(viewer: Any, run: Experiment, valkey: Any) -> None:
    write_status(valkey, absent_status("sky", "connected", "") | {"observed": "ready", "recorder": RECORDER})
    assert "banner" not in page(viewer, run).partition('id="experiment-trouble"')[2].partition("</div>")[0]


def test_a_gap_has_the_first_warning_about_its_camera_as_its_reason(
    viewer: Any, camera: Camera, other: Camera, root: StorageRoot
) -> None:
    found = running(camera)
    clip_in(found, camera, root, 0, 1200)
    clip_in(found, camera, root, 1500, 2000)
    clip_in(found, camera, root, 2500, 3590)
    record_event("camera.quarantined", "bath answers nothing.", severity="error", camera=other, at=at(found, 1200))
    message = sentence("{camera} gives no frames.", camera=camera)
    record_event("camera.reconnecting", message, severity="warning", camera=camera, at=at(found, 1195))
    record_event("camera.quarantined", "sky is away.", severity="error", camera=camera, at=at(found, 1400))
    account = section(page(viewer, found), "experiment-account").replace("</span> <span>", "</span><span>")
    assert "5 min 0 s</span><span>Sky gives no frames.</span>" in account
    assert "8 min 20 s</span><span>No clip covers this time.</span>" in account


def test_many_warnings_are_not_all_read_at_once(
    viewer: Any, camera: Camera, root: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "MAX_CAUSES", 1)
    found = running(camera)
    clip_in(found, camera, root, 0, 1200)
    clip_in(found, camera, root, 1500, 3590)
    record_event("camera.reconnecting", "It is away.", severity="warning", camera=camera, at=at(found, 1201))
    record_event("camera.reconnecting", "Later.", severity="warning", camera=camera, at=at(found, 2000))
    record_event("camera.reconnecting", "Later still.", severity="warning", camera=camera, at=at(found, 2001))
    assert "It is away." in section(page(viewer, found), "experiment-account")


def test_an_experiment_that_is_stopped_now_says_so_first(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    found = running(camera)
    clip_in(found, camera, root, 0, 1200)
    suspended(found, "ben", 1200)
    banner = page(viewer, found).partition('id="experiment-trouble"')[2].partition("</div>")[0]
    assert "Sky is not recorded at present, since" in banner
    assert "ben stopped the recording." in banner


def test_a_completed_experiment_has_no_actions_but_edit(operator: Any, camera: Camera) -> None:
    found = ExperimentService(None, "anna").complete(running(camera))
    shown = page(operator, found)
    assert ["Start</span>" in shown, "Complete</span>" in shown, ">Abort" in shown] == [False, False, False]
    assert "Edit</a>" in shown
    assert "by anna" in section(shown, "experiment-steps")


def test_an_aborted_experiment_shows_why(viewer: Any, camera: Camera) -> None:
    found = ExperimentService(None, "anna").abort(running(camera), ReasonBody(reason="The lamp failed."))
    shown = page(viewer, found)
    assert "The lamp failed." in shown.partition('id="experiment-trouble"')[2]
    assert "Aborted" in section(shown, "experiment-steps")


def test_one_that_never_began_says_so(viewer: Any, camera: Camera) -> None:
    found = ExperimentService(None, "anna").abort(experiment_of(camera), ReasonBody())
    shown = page(viewer, found)
    assert "never began" in section(shown, "experiment-steps")
    assert "nothing was recorded for it" in shown


def test_an_archived_experiment_cannot_be_changed(operator: Any, camera: Camera) -> None:
    found = running(camera)
    Experiment.objects.update(state="archived", ended_at=timezone.now(), settled=True)
    shown = page(operator, found)
    assert "Edit</a>" not in shown
    assert '<form class="form experiment-form"' not in text_of(operator.get(address(found, "edit/")))


def test_an_update_has_only_the_parts_that_change(viewer: Any, run: Experiment) -> None:
    text = text_of(viewer.get(address(run, "now/"), headers={"hx-request": "true"}))
    assert 'id="experiment-account"' in text
    assert "<html" not in text
    assert "<textarea" not in text


def test_a_settled_experiment_is_not_refreshed(viewer: Any, run: Experiment) -> None:
    assert f'hx-get="{address(run, "now/")}"' in page(viewer, run)
    long_ago = timezone.now() - timedelta(hours=1)
    Experiment.objects.update(state="completed", ended_at=long_ago, ended_boot_s=None, settled=True)
    assert f'hx-get="{address(run, "now/")}"' not in page(viewer, run)


def test_a_viewer_sees_no_actions_and_no_forms(viewer: Any, run: Experiment) -> None:
    shown = page(viewer, run)
    assert [word for word in ("Complete</span>", ">Abort", "Add note", "Add reference") if word in shown] == []


@pytest.mark.parametrize("path", ["", "{id}/", "{id}/now/", "{id}/clips/", "{id}/captures/"])
def test_a_hidden_camera_is_nowhere_on_the_page(
    path: str, operator: Any, run: Experiment, other: Camera, root: StorageRoot
) -> None:
    run.places.create(camera=other, position=2, message="bath is held by ann.")
    clip_in(run, other, root, 0, 3000)
    capture_in(run, other, 100)
    only_for(other)
    shown = text_of(operator.get(f"/experiments/{path.format(id=run.pk)}")).lower()
    assert "dew" in shown
    assert "bath" not in shown


def test_who_does_not_see_all_cameras_cannot_change_it(operator: Any, run: Experiment, other: Camera) -> None:
    run.places.create(camera=other, position=2)
    only_for(other)
    shown = page(operator, run)
    assert shown.count('disabled title="The experiment also has cameras that you may not see') == 4
    assert operator.post(address(run, "complete/")).status_code == 403
    assert operator.get(address(run, "edit/")).status_code == 403


def test_an_experiment_of_hidden_cameras_does_not_exist(operator: Any, run: Experiment, camera: Camera) -> None:
    only_for(camera)
    parts = ("", "now/", "edit/", "abort/", "clips/", "captures/")
    assert {operator.get(address(run, part)).status_code for part in parts} == {404}
    assert "Dew" not in text_of(operator.get("/experiments/"))


def test_hostile_names_are_shown_as_they_are_written(operator: Any, run: Experiment, camera: Camera) -> None:
    Experiment.objects.update(name=HOSTILE, method=MARKUP, description=MARKUP, message=MARKUP, operator=MARKUP)
    Camera.objects.update(name=MARKUP)
    run.tags.create(name=MARKUP)
    run.notes.create(author=MARKUP, text=MARKUP)
    run.attachments.create(label=MARKUP, reference=MARKUP, added_by=MARKUP)
    suspended(run, MARKUP, 1510, 2500)
    parts = ("", "now/", "edit/", "abort/", "clips/", "captures/")
    texts = [text_of(operator.get(address(run, part))) for part in parts] + [text_of(operator.get("/experiments/"))]
    assert [MARKUP in text for text in texts] == [False] * 7


@pytest.mark.parametrize(
    ("reference", "is_link"),
    [
        ("https://example.org/a", True), ("http://example.org", True), ("javascript:alert(1)", False),
        (" javascript:alert(1)", False), ("data:text/html,x", False), ("https:javascript", False),
        ("doi:10.1/x", False), ("//example.org", False), ("https://", False), ("ftp://example.org/x", False),
    ],
)  # fmt: skip
def test_only_a_web_address_is_a_link(reference: str, is_link: bool, viewer: Any, run: Experiment) -> None:
    run.attachments.create(label="Protocol", reference=reference, added_by="ada")
    shown = page(viewer, run)
    assert (f'href="{reference}" rel="noopener noreferrer"' in shown) == is_link
    assert f">{reference}</" in shown


def test_all_clips_and_captures_are_listed(viewer: Any, run: Experiment) -> None:
    assert text_of(viewer.get(address(run, "clips/"))).count('id="clip-') == 2
    assert text_of(viewer.get(address(run, "captures/"))).count('id="capture-') == 2


def test_the_number_of_queries_grows_with_cameras_alone(
    viewer: Any, run: Experiment, camera: Camera, root: StorageRoot
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    viewer.get(address(run))
    found = []
    for first in (1600, 2600):
        with CaptureQueriesContext(connection) as queries:
            viewer.get(address(run))
        found.append(len(queries))
        for number in range(first, first + 900, 10):
            clip_in(run, camera, root, number, number + 10)
            capture_in(run, camera, number)
    assert found[0] == found[1]
    assert found[0] <= 40


@pytest.fixture
def stills(camera: Camera) -> Experiment:
    """An hour of a camera without a stream, whose session runs."""
    Camera.objects.filter(pk=camera.pk).update(capabilities={"stream": False})
    camera.refresh_from_db()
    found = running(camera)
    Session.objects.update(state="running", started_at=at(found, 0), planned=60)
    return found


def test_time_without_stills_is_on_the_page_with_the_name_of_who_stopped_them(
    viewer: Any, stills: Experiment, camera: Camera
) -> None:
    Session.objects.update(state="stopped", ended_at=at(stills, 1790))
    record_event(
        "experiment.interrupted", "", camera=camera, subject=stills.pk, at=at(stills, 1790),
        data={"reason": "suspended", "why": "ben stopped its session.", "by": "ben"},
    )  # fmt: skip
    text = page(viewer, stills)
    assert "No stills: ben stopped its session" in text
    assert "1 gap, 30 min" in text
    assert "No video:" not in text


def test_a_camera_that_takes_its_stills_misses_nothing(viewer: Any, stills: Experiment) -> None:
    text = page(viewer, stills)
    assert "nothing</span>" in text
    assert "No stills:" not in text
