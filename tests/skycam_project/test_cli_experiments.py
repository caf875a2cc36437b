"""`skycam experiments`: what it prints, and what it refuses."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera, CameraHost
from captures.models import Archive, Experiment, StorageRoot
from captures.recordings.claims.models import ExperimentClip, RecordingClaim
from captures.roots.roots import assign_root
from core.events.service import record_event
from core.jobs.models import Job
from skycam_project.access.models import User
from skycam_project.cli.experiments import describe_video
from tests.harness.rows.audiences import only_for
from tests.harness.rows.clips import clip_of
from tests.harness.stations.command_line import answer, skycam

UID = 54_321
CREATE = ("experiments", "create", "Dew", "-c", "sky", "--post-roll", "0", "--tag", "cold")


@pytest.fixture
def run(camera: Camera) -> dict[str, Any]:
    return answer(*CREATE, "--start")


def test_an_experiment_is_created_and_started_at_once(run: dict[str, Any]) -> None:
    assert run["state"] == "running"
    assert run["tags"] == ["cold"]
    assert RecordingClaim.objects.standing().get().kind == "experiment"


def test_it_is_found_by_name_and_by_the_beginning_of_its_id(run: dict[str, Any]) -> None:
    assert answer("experiments", "show", "Dew")["id"] == run["id"]
    assert answer("experiments", "show", run["id"][:13])["id"] == run["id"]


def test_two_of_a_name_need_an_id(run: dict[str, Any]) -> None:
    answer(*CREATE)
    refused = skycam("experiments", "start", "Dew")
    assert refused.exit_code == 2
    assert run["id"][:13] in refused.stderr


def test_the_list_names_state_and_cameras(run: dict[str, Any]) -> None:
    listed = skycam("experiments", "list", "--state", "running").stdout
    assert "Dew" in listed
    assert "sky" in listed
    assert "No experiment." in skycam("experiments", "list", "--state", "planned").stdout


def test_the_account_says_what_is_missing(run: dict[str, Any]) -> None:
    skycam("experiments", "note", "Dew", "First drops.")
    skycam("experiments", "attach", "Dew", "Protocol", "shelf 4")
    skycam("experiments", "complete", "Dew")
    Experiment.objects.update(settled=True, pre_roll_s=0)
    shown = skycam("experiments", "show", "Dew").stdout
    assert "Dew: completed." in shown
    assert "First drops." in shown
    assert "Protocol: shelf 4" in shown


def test_a_move_that_cannot_follow_says_why(run: dict[str, Any]) -> None:
    skycam("experiments", "abort", "Dew", "--reason", "Lamp.")
    refused = skycam("experiments", "start", "Dew")
    assert refused.exit_code == 1
    assert "is aborted; it cannot become running" in refused.stderr


def test_an_unknown_experiment_says_how_to_list_them(db: None) -> None:
    refused = skycam("experiments", "show", "Fog")
    assert refused.exit_code == 1
    assert "`skycam experiments list`" in refused.stderr


def test_a_stop_under_an_experiment_names_it_and_the_options(run: dict[str, Any]) -> None:
    refused = skycam("record", "stop", "sky")
    assert refused.exit_code == 1
    assert "'Dew'" in refused.stderr
    assert "--suspend-experiments" in refused.stderr
    skycam("record", "stop", "sky", "--suspend-experiments")
    assert Camera.objects.get(slug="sky").recording == ""


def test_clips_are_released_after_the_end(run: dict[str, Any]) -> None:
    assert skycam("experiments", "release", "Dew").exit_code == 1
    skycam("experiments", "abort", "Dew")
    assert "Released clips: 0." in skycam("experiments", "release", "Dew").stdout


@pytest.mark.django_db(transaction=True)
def test_an_archive_that_lacks_something_is_no_success(run: dict[str, Any], root: StorageRoot) -> None:
    assign_root(root, "captures")
    skycam("experiments", "complete", "Dew")
    experiment = Experiment.objects.get()
    Experiment.objects.update(settled=True, pre_roll_s=0, ended_at=experiment.started_at + timedelta(seconds=1))
    clip = clip_of(Camera.objects.get(), root, experiment.started_at)
    ExperimentClip.objects.create(experiment_id=experiment.pk, clip=clip)
    (Path(root.path) / clip.path).unlink()
    archived = skycam("experiments", "archive", "Dew")
    assert archived.exit_code == 1
    assert "Dew: incomplete." in archived.stdout


def test_without_a_storage_root_nothing_is_archived(run: dict[str, Any]) -> None:
    refused = skycam("experiments", "archive", "Dew")
    assert refused.exit_code == 1
    assert "has no storage root. Start it once with `skycam up`." in refused.stderr


def test_a_verification_that_was_cancelled_does_not_succeed_with_the_outcome_of_an_earlier_one(
    run: dict[str, Any], root: StorageRoot
) -> None:
    archive = Archive.objects.create(
        experiment_id=run["id"], folder="experiments/x", verification="whole", wait_until=timezone.now()
    )
    archive.folders.create(host="main", root=root)
    Job.objects.create(
        kind="verify_archive", host="main", subject=str(archive.pk), unique_key=str(archive.pk), state="running",
        worker="gone", lease_until=timezone.now() - timedelta(minutes=1), cancel_requested_at=timezone.now(),
    )  # fmt: skip
    verified = skycam("experiments", "verify", "Dew")
    assert verified.exit_code == 1
    assert "On main: the verification was cancelled." in verified.stderr


@pytest.mark.django_db(transaction=True)
def test_what_a_verification_found_is_printed(run: dict[str, Any], root: StorageRoot) -> None:
    archive = Archive.objects.create(experiment_id=run["id"], folder="experiments/x", wait_until=timezone.now())
    archive.folders.create(host="main", root=root)
    (Path(root.path) / "experiments/x").mkdir(parents=True)
    (Path(root.path) / "experiments/x/notes.txt").write_text("Not ours.")
    verified = skycam("experiments", "verify", "Dew")
    assert ": 1 extra" in verified.stdout
    assert "extra: notes.txt. Not in the manifest." in verified.stdout


@pytest.mark.parametrize(
    ("account", "shown"),
    [
        ({"covered_s": 473.4, "length_s": 473.9, "pending_s": 0.4}, "7 min 53 s of 7 min 53 s"),
        ({"covered_s": 1, "length_s": 123, "pending_s": 122}, "1 s of 1 s, 2 min 2 s not known yet"),
        ({"clips": 0, "covered_s": 0, "length_s": 38, "pending_s": 38}, "0 s of 0 s, 38 s not known yet"),
        ({"clips": 0, "means": "stills", "covered_s": 0, "length_s": 38, "pending_s": 0}, None),
    ],
)
def test_the_account_of_a_running_experiment_has_what_the_page_has(account: dict[str, Any], shown: str | None) -> None:
    assert describe_video({"means": "clips", "clips": 3} | account) == shown


def test_a_verification_names_the_hosts_that_are_away(run: dict[str, Any], valkey: Any) -> None:
    archive = Archive.objects.create(experiment_id=run["id"], folder="experiments/x", wait_until=timezone.now())
    archive.folders.create(host="dome", root=StorageRoot.objects.create(host="dome", path="/dome"))
    CameraHost.objects.create(name="dome", leased_until=timezone.now() - timedelta(hours=1))
    verified = skycam("experiments", "verify", "Dew")
    assert verified.exit_code == 1
    assert "Away: dome. The files there are verified once `skycam up` runs there." in verified.stderr
    assert Job.objects.get(kind="verify_archive").state == "waiting"


def test_a_bad_option_is_named(camera: Camera, tmp_path: Path) -> None:
    refused = skycam("experiments", "create", "Dew", "-c", "sky", "--pre-roll", "2h")
    assert refused.exit_code == 2
    assert "--pre-roll" in refused.stderr
    assert not Experiment.objects.exists()


@pytest.mark.parametrize("command", ["start", "complete", "abort", "archive", "verify"])
def test_who_does_not_see_all_cameras_cannot_change_it(
    command: str, camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_for(Camera.objects.create(slug="dome", name="Dome", kind="simulated", host=camera.host))
    answer(*CREATE, "-c", "dome")
    User.objects.create_user(username=str(UID), role="operator")
    monkeypatch.setattr(os, "getuid", lambda: UID)
    refused = skycam("experiments", command, "Dew")
    assert refused.exit_code == 5
    assert "cameras that you may not see" in refused.stderr
    assert not Archive.objects.exists()


def test_time_without_stills_is_in_the_account_with_who_held_the_camera(run: dict[str, Any], camera: Camera) -> None:
    Camera.objects.filter(pk=camera.pk).update(capabilities={"stream": False})
    begin = timezone.now() - timedelta(hours=1)
    Experiment.objects.update(started_at=begin, started_boot_s=None)
    camera.experiment_places.update(means="nothing", message="sky is held by ben.")
    data = {"reason": "camera_held", "why": "ben held sky.", "by": "ben"}
    record_event("experiment.interrupted", "", camera=camera, subject=run["id"], at=begin, data=data)
    shown = skycam("experiments", "show", "Dew").stdout
    assert "no stills from" in shown
    assert ": ben held sky." in shown
