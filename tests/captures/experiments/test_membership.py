"""Which clips and captures belong to an experiment, and that their clips are held from the first moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from cameras.models import Camera
from captures.experiments.membership import link_capture
from captures.ingest import ingest_clip
from captures.models import Clip, Experiment, ExperimentCapture, RecordingClaim, StorageRoot
from captures.recordings.claims.services import claim_for_experiment, end_claim_of_experiment, present_moment
from captures.storage.retention.clip_rules import oldest_deletable
from core.events.models import Event
from tests.harness.rows.captures import UNKNOWN, saved
from tests.harness.rows.clips import row_of
from tests.harness.rows.nights import session_of


def record_of(camera: Camera, root: StorageRoot, begin_s: float, since: datetime | None = None, **origin: Any) -> Any:
    """The record of a clip of 10 s that began `begin_s` seconds from then, by default from now."""
    began = (since or datetime.now(UTC)) + timedelta(seconds=begin_s)
    clip = row_of(camera, root, began)
    file = {
        "path": clip.path,
        "bytes": 1000,
        "sha256": "0" * 64,
        "width": 320,
        "height": 240,
        "kind": "clip",
        "part": "x",
    }
    body = {
        "started": began.isoformat(), "ended": (began + timedelta(seconds=10)).isoformat(), "requested_by": "ada",
        "kind": "rolling", "frames": 100, "lost_frames": 0, "interrupted": False, "reason": "", "message": "",
        "simulated": True, "codec": "h264", "copied": False, "origin": origin,
    }  # fmt: skip
    return {
        "kind": "clip", "id": str(clip.pk), "camera": str(camera.pk), "slug": camera.slug, "root": str(root.pk),
        "files": [file], "body": body,
    }  # fmt: skip


def ingested(record: Any) -> Clip:
    with transaction.atomic():
        ingest_clip(record)
    return Clip.objects.get(pk=record["id"])


def claim(camera: Camera, experiment: Experiment, pre_roll_s: float = 0.0) -> None:
    with transaction.atomic():
        claim_for_experiment(Camera.objects.select_for_update().get(pk=camera.pk), experiment.pk, "ada", pre_roll_s)


def end_claim(camera: Camera, experiment: Experiment) -> None:
    with transaction.atomic():
        end_claim_of_experiment(Camera.objects.select_for_update().get(pk=camera.pk), experiment.pk)


def held(clip: Clip) -> list[str]:
    return sorted(str(hold) for hold in clip.holds.all())


def test_a_clip_that_was_recorded_for_an_experiment_is_held_with_its_row(
    camera: Camera, root: StorageRoot, experiment: Any
) -> None:
    run = experiment()
    clip = ingested(record_of(camera, root, -3600, experiments=[str(run.pk)]))
    assert held(clip) == [f"experiment {run.pk}"]
    assert list(run.clips.all()) == [clip]
    assert not oldest_deletable(root).exists()


def test_the_growing_clip_that_shows_the_pre_roll_is_held_too(
    camera: Camera, root: StorageRoot, experiment: Any
) -> None:
    run = experiment()
    claim(camera, run, pre_roll_s=5)
    pre_roll = RecordingClaim.objects.get().held_from
    assert held(ingested(record_of(camera, root, -7, pre_roll))) == [f"experiment {run.pk}"]
    assert held(ingested(record_of(camera, root, -11, pre_roll))) == []


def test_clips_of_the_pre_roll_with_a_row_are_held_at_the_start(
    camera: Camera, root: StorageRoot, experiment: Any
) -> None:
    inside, before = (ingested(record_of(camera, root, begin_s)) for begin_s in (-200, -400))
    claim(camera, experiment(), pre_roll_s=300)
    assert len(held(inside)) == 1
    assert held(before) == []


def test_the_pre_roll_is_found_by_the_boot_clock_when_the_clock_was_set(
    camera: Camera, root: StorageRoot, experiment: Any
) -> None:
    now = present_moment()
    # The clock showed 1970 until it was synchronised 10 s ago.
    inside = record_of(camera, root, -56 * 365 * 86_400, boot=now.boot, boot_s=now.boot_s - 200)
    before = record_of(camera, root, -19, boot=now.boot, boot_s=now.boot_s - 400)
    inside, before = ingested(inside), ingested(before)
    claim(camera, experiment(), pre_roll_s=300)
    assert len(held(inside)) == 1
    assert held(before) == []


def test_a_clip_that_is_recovered_after_the_end_belongs_to_the_run(
    camera: Camera, root: StorageRoot, experiment: Any
) -> None:
    run = experiment()
    claim(camera, run, pre_roll_s=20)
    end_claim(camera, run)
    pre_roll = RecordingClaim.objects.get().held_from
    assert held(ingested(record_of(camera, root, 5, pre_roll))) == [f"experiment {run.pk}"]
    assert held(ingested(record_of(camera, root, 5))) == []


@pytest.fixture
def quiet(experiment: Any) -> Experiment:
    """An experiment that records nothing by itself; it ran for a minute, which ended a minute ago."""
    now = present_moment()
    return experiment(
        record=False, state="completed", pre_roll_s=5.0, post_roll_s=5.0,
        started_at=datetime.fromtimestamp(now.wall - 120, UTC), started_boot=now.boot, started_boot_s=now.boot_s - 120,
        ended_at=datetime.fromtimestamp(now.wall - 60, UTC), ended_boot=now.boot, ended_boot_s=now.boot_s - 60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("begin_s", "is_of_the_run"), [(-136, False), (-134, True), (-90, True), (-56, True), (-54, False)]
)
def test_a_clip_for_others_belongs_to_an_experiment_that_records_nothing(
    camera: Camera, root: StorageRoot, quiet: Experiment, begin_s: int, is_of_the_run: bool
) -> None:
    """From the pre-roll to the post-roll; each clip has 10 s."""
    clip = ingested(record_of(camera, root, begin_s))
    assert held(clip) == [f"experiment {quiet.pk}"] * is_of_the_run
    assert list(quiet.clips.all()) == [clip] * is_of_the_run


def test_a_clip_of_an_experiment_that_records_nothing_is_found_when_the_clock_was_set(
    camera: Camera, root: StorageRoot, quiet: Experiment
) -> None:
    now = present_moment()
    of_1970 = record_of(camera, root, -56 * 365 * 86_400, boot=now.boot, boot_s=now.boot_s - 90)
    assert held(ingested(of_1970)) == [f"experiment {quiet.pk}"]


def test_a_clip_of_another_camera_is_none_of_the_run(camera: Camera, root: StorageRoot, quiet: Experiment) -> None:
    dome = Camera.objects.create(slug="dome", name="Dome", kind="simulated", host=camera.host)
    assert held(ingested(record_of(dome, root, -90))) == []


def test_an_aborted_experiment_that_records_nothing_has_no_post_roll(
    camera: Camera, root: StorageRoot, quiet: Experiment
) -> None:
    Experiment.objects.update(state="aborted")
    assert held(ingested(record_of(camera, root, -58))) == []


def test_a_clip_belongs_to_all_experiments_that_overlap_it(camera: Camera, root: StorageRoot, experiment: Any) -> None:
    first, second = experiment(), experiment(name="Frost")
    for run in (first, second):
        claim(camera, run, pre_roll_s=10)
    clip = ingested(record_of(camera, root, -5, experiments=[str(first.pk)]))
    assert held(clip) == sorted([f"experiment {first.pk}", f"experiment {second.pk}"])


def test_an_unknown_experiment_in_a_record_costs_no_clip(camera: Camera, root: StorageRoot) -> None:
    assert held(ingested(record_of(camera, root, -60, experiments=[UNKNOWN]))) == []


def test_a_clip_of_an_older_version_has_no_boot_clock(camera: Camera, root: StorageRoot) -> None:
    record = record_of(camera, root, -60)
    del record["body"]["origin"]
    clip = ingested(record)
    assert (clip.boot, clip.boot_s) == ("", None)


def test_the_same_record_again_changes_nothing(camera: Camera, root: StorageRoot, experiment: Any) -> None:
    record = record_of(camera, root, -60, experiments=[str(experiment().pk)])
    clip = ingested(record)
    assert ingested(record) == clip
    assert len(held(clip)) == 1
    assert Event.objects.filter(kind="recording.rotated").count() == 1


@pytest.mark.parametrize(("begin_s", "belongs"), [(-30, True), (-90, False), (-10, True), (10, True), (40, False)])
def test_captures_belong_from_the_start_to_the_end_of_the_post_roll(
    camera: Camera, experiment: Any, begin_s: float, belongs: bool
) -> None:
    now = timezone.now()
    run = experiment(
        state="completed", started_at=now - timedelta(seconds=60), ended_at=now - timedelta(seconds=5), post_roll_s=30
    )
    link_capture(saved(camera, started_at=now + timedelta(seconds=begin_s)))
    assert ExperimentCapture.objects.filter(experiment=run).exists() is belongs


@pytest.mark.parametrize("own", [True, False])
def test_stills_of_its_own_session_belong_although_the_clock_was_set_back(
    camera: Camera, experiment: Any, own: bool
) -> None:
    now = timezone.now()
    run, session = experiment(state="running", started_at=now), session_of(camera, now)
    run.session_links.create(session=session, own=own)
    link_capture(saved(camera, session=session, started_at=now - timedelta(hours=2)))
    assert ExperimentCapture.objects.filter(experiment=run).exists() is own


def test_captures_of_other_cameras_do_not_belong(camera: Camera, experiment: Any) -> None:
    other = Camera.objects.create(slug="other", name="Other", kind="simulated", host=camera.host)
    experiment(camera, state="running", started_at=timezone.now())
    link_capture(saved(other))
    assert not ExperimentCapture.objects.exists()


def test_lists_are_filtered_by_experiment(viewer: Any, camera: Camera, root: StorageRoot, experiment: Any) -> None:
    run = experiment(state="running", started_at=timezone.now() - timedelta(minutes=1))
    mine = ingested(record_of(camera, root, -30, experiments=[str(run.pk)]))
    ingested(record_of(camera, root, -120))
    capture = saved(camera)
    link_capture(capture)
    saved(camera)
    clips = viewer.get(f"/api/v1/clips/?experiment={run.pk}").json()["results"]
    captures = viewer.get(f"/api/v1/captures/?experiment={run.pk}").json()["results"]
    assert [clip["id"] for clip in clips] == [str(mine.pk)]
    assert [one["id"] for one in captures] == [str(capture.pk)]
