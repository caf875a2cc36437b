"""Rates and holes of clips: in the API, events, accounts, manifests and on pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from captures.experiments.models import Experiment
from captures.ingest import ingest_clip
from captures.models import Clip, StorageRoot
from captures.recordings.clips.delivery import delivery, sum_deliveries
from captures.recordings.recorder.open_clip import make_record
from captures.storage.archives.planning import clip_facts
from core.events.models import Event
from tests.harness.clients.pages import text_of
from tests.harness.rows.clips import STARTED, clip_of, row_of
from tests.harness.rows.experiments import clip_in, running

SLOW: Any = {
    "expected_fps": 15.0, "stills_s": 0.0, "hole_count": 3, "hole_s": 1.2,
    "holes": [
        {"begin_s": 1.0, "end_s": 1.5, "frames": 7, "reason": "not_delivered"},
        {"begin_s": 2.0, "end_s": 2.4, "frames": 5, "reason": "still"},
        {"begin_s": 3.0, "end_s": 3.3, "frames": 4, "reason": "lost"},
    ],
}  # fmt: skip
WHOLE: Any = {"expected_fps": 10.0, "stills_s": 0.0, "hole_count": 0, "hole_s": 0.0, "holes": []}
"""Of a clip of 40 frames in 4 s."""
STILLS: Any = {**WHOLE, "stills_s": 2.0, "hole_count": 1, "hole_s": 2.1, "holes": [
    {"begin_s": 1.0, "end_s": 3.1, "frames": 20, "reason": "still"},
]}  # fmt: skip


def of_clip(content: Any, frames: int = 40, length_s: float = 4.0) -> Any:
    return delivery(content, frames, STARTED, STARTED + timedelta(seconds=length_s))


def test_the_rates_and_holes_of_a_clip_are_in_the_api(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    clip = clip_of(camera, root, delivery=SLOW)
    body = viewer.get(f"/api/v1/clips/{clip.pk}/").json()
    assert (body["expected_fps"], body["actual_fps"], body["hole_count"], body["hole_s"]) == (15.0, 10.0, 3, 1.2)
    assert body["holes"][0] == {
        "from": "2026-03-28T12:00:01.000Z", "to": "2026-03-28T12:00:01.500Z", "frames": 7, "reason": "not_delivered",
    }  # fmt: skip


def test_in_a_clip_of_an_older_version_they_are_unknown(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    clip = clip_of(camera, root)
    body = viewer.get(f"/api/v1/clips/{clip.pk}/").json()
    assert (body["expected_fps"], body["actual_fps"], body["hole_count"], body["hole_s"]) == (None, 10.0, None, None)
    assert ">unknown</dd>" in text_of(viewer.get(f"/clips/{clip.pk}/")).replace("\n", "").replace("> ", ">")


@pytest.mark.parametrize(
    ("content", "frames", "is_slow", "is_incomplete"),
    [
        (WHOLE, 40, False, False), (WHOLE, 37, False, False), (WHOLE, 35, True, True), (SLOW, 40, True, True),
        (STILLS, 20, False, False), ({}, 4, False, False), ({**WHOLE, "expected_fps": None}, 4, False, False),
    ],
    ids=["whole", "above 90 %", "below 90 %", "slow", "stills", "unknown", "no set rate"],
)  # fmt: skip
def test_a_clip_below_90_percent_of_its_rate_is_slow_and_stills_explain_theirs(
    content: Any, frames: int, is_slow: bool, is_incomplete: bool
) -> None:
    found = of_clip(content, frames)
    assert (found.is_slow, found.is_incomplete) == (is_slow, is_incomplete)


def test_the_sum_of_clips_has_the_rates_of_all_their_time() -> None:
    found = sum_deliveries([of_clip(WHOLE), of_clip(WHOLE, 20, 8.0)])
    assert (found.expected_fps, found.actual_fps, found.hole_count) == (10.0, 5.0, 0)
    assert sum_deliveries([of_clip(WHOLE), of_clip({})]).hole_count is None


def test_the_page_of_a_clip_shows_them(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    text = text_of(viewer.get(f"/clips/{clip_of(camera, root, delivery=SLOW).pk}/"))
    wanted = [
        "The camera delivered 10 of 15 frames per second.", "3 holes, 1.2 s", "7 frames missing",
        "the camera sent no frame", "the camera took a still", "frames were lost here",
    ]  # fmt: skip
    assert [words for words in wanted if words not in text] == []


def test_an_account_that_lacks_frames_does_not_say_that_nothing_is_missing(
    viewer: Any, camera: Camera, root: StorageRoot
) -> None:
    whole, slow = running(camera), running(camera)
    clip_in(whole, camera, root, 0, 3590, frames=35_900, delivery=WHOLE)
    clip_in(slow, camera, root, 0, 3590, frames=16_900, delivery=SLOW)
    assert ">nothing<" in account(viewer, whole)
    shown = account(viewer, slow)
    assert ">nothing<" not in shown
    assert [words for words in ("69 % of the frames", "3 holes, 1.2 s", "4.71 of 15") if words not in shown] == []


def account(client: Any, experiment: Experiment) -> str:
    text = text_of(client.get(f"/experiments/{experiment.pk}/"))
    return text.partition('id="account-sky"')[2].partition("</table>")[0]


def test_account_and_manifest_have_the_same_figures_as_the_clip(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    run = running(camera)
    clip_in(run, camera, root, 0, 4, delivery=SLOW)
    [body] = viewer.get(f"/api/v1/experiments/{run.pk}/account/").json()["cameras"]
    names = ("expected_fps", "actual_fps", "hole_count", "hole_s")
    facts = clip_facts(Clip.objects.get())
    assert [body[name] for name in names] == [15.0, 10.0, 3, 1.2]
    assert [facts[name] for name in names] == [15.0, 10.0, 3, 1.2]
    assert [hole["reason"] for hole in body["holes"]] == ["not_delivered", "still", "lost"]
    assert len(facts["holes"]) == 3


def test_the_event_of_a_clip_says_what_it_lacks(camera: Camera, root: StorageRoot) -> None:
    row, now = row_of(camera, root, STARTED), timezone.now()
    plan: Any = {
        "id": str(row.pk), "camera": str(camera.pk), "slug": "sky", "path": row.path, "kind": "rolling",
        "started": STARTED.isoformat(), "simulated": True, "codec": "h264", "copied": False, "width": 320,
        "height": 240, "requested_by": "ada",
    }  # fmt: skip
    outcome: Any = {
        "ended": (STARTED + timedelta(seconds=4)).isoformat(), "frames": 40, "lost_frames": 0, "interrupted": False,
        "reason": "", "message": "", "delivery": SLOW,
    }  # fmt: skip
    ingest_clip(make_record(plan, str(root.pk), outcome, 1000, "0" * 64))
    assert Clip.objects.get().delivered.hole_count == 3
    message = Event.objects.get(at__gte=now).message
    assert message == (
        "sky recorded a clip of 4.0 s with 40 frames. It has 10 of 15 frames per second and 3 holes of 1.2 s in all."
    )
