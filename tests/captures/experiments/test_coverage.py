"""What an experiment has of a camera: time with video, and gaps with the reason that was observed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from cameras.status.messages import absent_status
from cameras.status.status import write_status
from captures.experiments.coverage import Coverage, coverage
from captures.experiments.selectors import camera_account
from captures.models import (
    ClaimSuspension,
    Clip,
    Experiment,
    ExperimentClip,
    RecordingClaim,
    StorageRoot,
)
from captures.recordings.claims.services import present_moment
from core.events.service import record_event
from tests.harness.rows.clips import row_of
from tests.harness.rows.recorder_status import RECORDER

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clip(camera: Camera, root: StorageRoot, run: Experiment) -> Callable[..., Clip]:
    """A clip of the run, from and to minutes after its start."""

    def make(begin: float, end: float, **fields: Any) -> Clip:
        started = fields.pop("started_at", at(run, begin))
        found = row_of(camera, root, started, (end - begin) * 60, **fields)
        found.save(force_insert=True)
        ExperimentClip.objects.create(experiment=run, clip=found)
        return found

    return make


def at(run: Experiment, minutes: float) -> datetime:
    assert run.started_at
    return run.started_at + minutes * MINUTE


def gaps(run: Experiment, camera: Camera) -> list[tuple[int, int, str]]:
    """Minutes after the start, and the reason."""
    assert run.started_at
    return [
        (round((gap.begin - run.started_at) / MINUTE), round((gap.end - run.started_at) / MINUTE), gap.reason)
        for gap in found(run, camera).gaps
    ]


def found(run: Experiment, camera: Camera) -> Coverage:
    return coverage(run, camera.pk)


def test_clips_without_a_break_cover_the_run(run: Experiment, camera: Camera, clip: Any) -> None:
    for begin in range(-5, 65, 10):
        clip(begin, begin + 10)
    result = found(run, camera)
    assert result.covered_s == pytest.approx(3600)
    assert result.gaps == []
    assert (result.clips, result.lost_frames) == (7, 0)


def test_time_without_a_clip_is_a_gap(run: Experiment, camera: Camera, clip: Any) -> None:
    clip(0, 20)
    clip(30, 60)
    assert gaps(run, camera) == [(20, 30, "no_video")]
    assert found(run, camera).covered_s == pytest.approx(50 * 60)


@pytest.mark.parametrize(
    ("after", "message"), [("not_delivered", "The camera sent no frame."), ("lost", "Frames were lost here.")]
)
def test_a_gap_within_a_recording_has_the_reason_that_the_clip_before_it_states(
    run: Experiment, camera: Camera, clip: Any, after: str, message: str
) -> None:
    clip(0, 20, delivery={"after": after})
    clip(30, 60)
    [gap] = found(run, camera).gaps
    assert (gap.reason, gap.message) == (after, message)


def test_a_run_without_a_clip_is_one_gap(run: Experiment, camera: Camera) -> None:
    assert gaps(run, camera) == [(0, 60, "no_video")]


def test_an_experiment_that_does_not_record_says_so(run: Experiment, camera: Camera) -> None:
    run.record = False
    assert gaps(run, camera) == [(0, 60, "not_requested")]


def test_a_gap_has_the_warning_of_that_time_as_its_reason(run: Experiment, camera: Camera, clip: Any) -> None:
    clip(0, 20)
    clip(30, 60)
    record_event("camera.state", "sky is reconnecting.", severity="warning", camera=camera, at=at(run, 20.1))
    record_event("camera.state", "sky failed elsewhere.", severity="warning", camera=camera, at=at(run, 45))
    assert gaps(run, camera) == [(20, 30, "camera.state")]
    assert found(run, camera).gaps[0].message == "sky is reconnecting."


def test_a_disconnection_by_a_user_is_the_reason(run: Experiment, camera: Camera, clip: Any) -> None:
    clip(0, 20)
    clip(30, 60)
    record_event(
        "command", "bob disconnected sky.", camera=camera, actor="bob", data={"order": "disconnect"}, at=at(run, 20)
    )
    assert found(run, camera).gaps[0].by == "bob"


def test_an_operators_stop_is_named_and_the_rest_of_the_gap_is_not(run: Experiment, camera: Camera, clip: Any) -> None:
    clip(0, 20)
    clip(50, 60)
    claim = RecordingClaim.objects.create(camera=camera, kind="experiment", experiment=run, ended_at=timezone.now())
    ClaimSuspension.objects.create(claim=claim, from_at=at(run, 20), to_at=at(run, 40), by="bob")
    assert gaps(run, camera) == [(20, 40, "suspended"), (40, 50, "no_video")]
    assert found(run, camera).gaps[0].by == "bob"


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(days=1)])
def test_an_operators_stop_is_named_when_the_clock_was_set_before_it(
    jump: timedelta, run: Experiment, camera: Camera, clip: Any
) -> None:
    run.started_boot, run.started_boot_s, run.ended_boot, run.ended_boot_s = "boot", 1000.0, "boot", 4600.0
    clip(0, 20, boot="boot", boot_s=1000.0)
    clip(40, 60, started_at=at(run, 40) + jump, boot="boot", boot_s=3400.0)
    claim = RecordingClaim.objects.create(camera=camera, kind="experiment", experiment=run, ended_at=timezone.now())
    ClaimSuspension.objects.create(
        claim=claim, by="bob", from_at=at(run, 20) + jump, boot="boot", from_boot_s=2200.0,
        to_at=at(run, 40) + jump, ended_boot="boot", ended_boot_s=3400.0,
    )  # fmt: skip
    assert gaps(run, camera) == [(20, 40, "suspended")]
    assert found(run, camera).gaps[0].by == "bob"


def test_a_stop_that_lasts_is_named_when_the_clock_was_set_forward_before_it(experiment: Any, camera: Camera) -> None:
    now = timezone.now()
    present = present_moment()
    run = experiment(
        state="running", started_at=now - timedelta(hours=1), started_boot=present.boot,
        started_boot_s=present.boot_s - 3600,
    )  # fmt: skip
    claim = RecordingClaim.objects.create(camera=camera, kind="experiment", experiment=run)
    ClaimSuspension.objects.create(
        claim=claim, by="bob", from_at=now + timedelta(days=1), boot=present.boot, from_boot_s=present.boot_s - 1800
    )
    assert [gap.reason for gap in found(run, camera).gaps] == ["no_video", "suspended"]


def test_lost_frames_are_unknown_after_a_kill(run: Experiment, camera: Camera, clip: Any) -> None:
    clip(0, 30, lost_frames=2)
    clip(30, 60, lost_frames=None, interrupted=True)
    assert found(run, camera).lost_frames is None


def test_clips_stay_in_their_place_when_the_clock_was_set_back(run: Experiment, camera: Camera, clip: Any) -> None:
    run.started_boot, run.started_boot_s, run.ended_boot, run.ended_boot_s = "boot", 1000.0, "boot", 4600.0
    clip(0, 30, boot="boot", boot_s=1000.0)
    # Half an hour later the wall clock was set back by a day.
    clip(30, 60, started_at=at(run, 30) - timedelta(days=1), boot="boot", boot_s=2800.0)
    assert found(run, camera).gaps == []
    assert found(run, camera).covered_s == pytest.approx(3600)


def test_the_length_of_a_run_is_that_of_the_boot_clock(run: Experiment, camera: Camera) -> None:
    run.started_boot, run.started_boot_s, run.ended_boot, run.ended_boot_s = "boot", 1000.0, "boot", 1090.0
    assert found(run, camera).length_s == pytest.approx(90)


def test_clips_of_other_experiments_do_not_count(
    run: Experiment, camera: Camera, root: StorageRoot, experiment: Any
) -> None:
    other = row_of(camera, root, at(run, 0), 3600)
    other.save(force_insert=True)
    ExperimentClip.objects.create(experiment=experiment(name="Frost"), clip=other)
    assert found(run, camera).clips == 0


def test_the_newest_part_of_a_running_experiment_is_pending_and_no_gap(experiment: Any, camera: Camera) -> None:
    started = timezone.now() - 2 * MINUTE
    result = found(experiment(state="running", started_at=started), camera)
    assert 120 <= result.pending_s <= (timezone.now() - started).total_seconds()
    assert result.gaps == []


FULL = "There is less than 2 GB left on its disk."


@pytest.mark.parametrize(
    ("recorder", "pending", "reasons"),
    [
        ({"state": "failing", "since": None, "reason": "disk_full", "message": FULL}, False, [("disk_full", FULL)]),
        ({"state": "waiting", "since": None}, False, [("no_video", "Nothing is recorded.")]),
        ({"state": "failing", "reason": "disk_full", "message": FULL}, True, []),
        ({"state": "recording"}, True, []),
    ],
)
def test_what_the_host_does_not_record_is_a_gap_at_once(
    experiment: Any, camera: Camera, valkey: Any, recorder: Any, pending: bool, reasons: list[tuple[str, str]]
) -> None:
    running = experiment(state="running", started_at=timezone.now() - 2 * MINUTE)
    place = running.places.get()
    write_status(valkey, absent_status("sky", "connected", "") | {"recorder": RECORDER | recorder})
    account = camera_account(running, place)
    assert (account["pending_s"] > 0) is pending
    assert [(gap["reason"], gap["message"]) for gap in account["gaps"]] == reasons


def test_what_is_missing_for_longer_than_a_clip_is_a_gap(experiment: Any, camera: Camera) -> None:
    running = experiment(state="running", started_at=timezone.now() - timedelta(hours=1))
    assert [gap.reason for gap in found(running, camera).gaps] == ["no_video"]


def test_the_end_of_a_run_is_pending_until_its_clip_is_filed(experiment: Any, camera: Camera) -> None:
    now = timezone.now()
    ended = experiment(state="completed", settled=True, started_at=now - MINUTE, ended_at=now)
    assert found(ended, camera).pending_s == pytest.approx(60)
    late = experiment(state="completed", settled=True, started_at=now - 3 * MINUTE, ended_at=now - 2 * MINUTE)
    assert found(late, camera).gaps != []


def recorded_for_others(camera: Camera) -> None:
    RecordingClaim.objects.create(camera=camera, kind="rolling", by="ben")


def test_the_end_of_a_run_that_records_nothing_is_pending_while_others_record(experiment: Any, camera: Camera) -> None:
    now = timezone.now()
    ended = experiment(record=False, state="completed", settled=True, started_at=now - MINUTE, ended_at=now)
    assert [gap.reason for gap in found(ended, camera).gaps] == ["not_requested"]
    recorded_for_others(camera)
    assert found(ended, camera).pending_s == pytest.approx(60)
