"""Metrics of recordings: of which cameras, and for which users."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from cameras.status import status
from cameras.status.messages import absent_status
from captures.models import Clip, StorageRoot
from captures.recordings.clips.selectors import OF_CLIP
from skycam_project.access.models import User
from tests.harness.clients.programs import program
from tests.harness.rows.audiences import only_for
from tests.harness.rows.recorder_status import RECORDER

METRICS = "/api/v1/metrics/"
RECORDINGS = ("skycam_recording", "skycam_clips")


def numbers(client: Any) -> dict[str, float]:
    """Metrics of recordings, by name and labels."""
    lines = client.get(METRICS).content.decode().splitlines()
    return {
        name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line.startswith(RECORDINGS))
    }


def clip(camera: Camera, root: StorageRoot, kind: str, path: str) -> None:
    now = timezone.now()
    Clip.objects.create(
        camera=camera, kind=kind, started_at=now, ended_at=now + timedelta(seconds=9), frames=9, width=64, height=48,
        host="main", root=root, path=path, bytes=9, sha256="0" * 64,
    )  # fmt: skip


def test_recordings_are_counted_by_camera(camera: Camera, valkey: Any) -> None:
    Camera.objects.update(recording="rolling")
    recorded = {"observed": "ready", "recording": True, "recorder": RECORDER}
    status.write_status(valkey, absent_status("sky", "connected", "") | recorded)
    found = numbers(program("viewer"))
    assert found['skycam_recording{camera="sky"}'] == 1
    assert found['skycam_recording_wished{camera="sky"}'] == 1
    of_clip = [found[f'{name}{{camera="sky"}}'] for name in OF_CLIP]
    assert of_clip == [900, 12_500_000, 0, 0, 15, 15, 190_000]


def test_clips_are_counted_by_kind(camera: Camera, root: StorageRoot) -> None:
    for number, kind in enumerate(["rolling", "rolling", "manual"]):
        clip(camera, root, kind, f"{number}.mp4")
    found = numbers(program("viewer"))
    assert found['skycam_clips{camera="sky",kind="rolling"}'] == 2
    assert found['skycam_clips{camera="sky",kind="manual"}'] == 1


@pytest.mark.parametrize("running", [False, True])
def test_without_a_host_there_is_no_metric_of_its_recordings(
    running: bool, camera: Camera, request: pytest.FixtureRequest
) -> None:
    _ = request.getfixturevalue("valkey") if running else None
    assert numbers(program("viewer")) == {'skycam_recording_wished{camera="sky"}': 0}


def test_a_camera_that_the_user_cannot_see_is_in_no_metric(camera: Camera, root: StorageRoot) -> None:
    clip(camera, root, "rolling", "1.mp4")
    only_for(camera, User.objects.create_user("ada", role="viewer").username)
    assert numbers(program("viewer")) == {}
