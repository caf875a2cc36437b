"""Which files become copies, in which order they go, and what a failure of one of them does to the others."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.models import Camera
from captures.models import Clip, Destination, OffsiteCopy, StorageRoot
from captures.storage.offsite import copy_rows, jobs, queue
from captures.storage.offsite.destinations.port import Interrupted
from captures.storage.offsite.queue import start_sending
from captures.storage.offsite.senders import NAP_S, READ_S, RowPace, site_time
from captures.storage.offsite.states import COPY_TRANSITIONS, CopyState
from core.jobs.context import JobContext
from core.jobs.models import Job
from core.jobs.services import enqueue
from tests.harness.clocks.clock import SteppingClock
from tests.harness.rows.captures import file_of, saved
from tests.harness.rows.clips import STARTED, clip_of, row_of
from tests.harness.rows.many import many_captures
from tests.harness.rows.offsite import copies, make_due, open_alerts, send, states

pytestmark = pytest.mark.django_db


def test_a_file_is_queued_once(folder_copies: Destination, clips: list[Clip]) -> None:
    assert queue.queue_new_files(folder_copies, "main") == 3
    assert queue.queue_new_files(folder_copies, "main") == 0


def test_each_host_queues_its_own_files(folder_copies: Destination, clips: list[Clip]) -> None:
    Clip.objects.filter(pk=clips[0].pk).update(host="mountain")
    assert queue.queue_new_files(folder_copies, "main") == 2
    assert queue.queue_new_files(folder_copies, "mountain") == 1


def test_other_classes_are_not_queued(folder_copies: Destination, clips: list[Clip], root: StorageRoot) -> None:
    file_of(saved(clips[0].camera), root)
    folder_copies.classes = ["capture"]
    assert queue.queue_new_files(folder_copies, "main") == 1


def test_other_cameras_are_not_queued(folder_copies: Destination, clips: list[Clip], root: StorageRoot) -> None:
    another = Camera.objects.create(slug="dome", name="Dome", kind="simulated", host="main")
    clip_of(another, root)
    folder_copies.cameras.add(another)
    assert queue.queue_new_files(folder_copies, "main") == 1


def test_a_clip_that_an_outage_delayed_is_found(
    folder_copies: Destination, clips: list[Clip], camera: Camera, root: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "NEWEST", 2)
    queue.queue_new_files(folder_copies, "main")
    early = row_of(camera, root, STARTED - timedelta(days=1))
    early.pk = "0000a000-0000-7000-8000-000000000001"  # its key was made long before the others
    early.save(force_insert=True)
    queue.queue_new_files(folder_copies, "main")
    assert len(states(folder_copies)) == 4


def test_the_search_costs_no_query_for_each_file(folder_copies: Destination, camera: Camera, root: StorageRoot) -> None:
    many_captures(camera, root, 3000)
    queue.queue_new_files(folder_copies, "main")
    with CaptureQueriesContext(
        connection,
    ) as found:
        assert queue.queue_new_files(folder_copies, "main") == 0
    assert len(found) < 25


def test_the_oldest_file_goes_first(folder_copies: Destination, clips: list[Clip]) -> None:
    send(folder_copies)
    found = OffsiteCopy.objects.order_by("verified_at")
    assert [copy.uuid for copy in found] == [clip.pk for clip in clips]


def test_one_bad_file_does_not_hold_up_the_others(folder_copies: Destination, clips: list[Clip]) -> None:
    Path(clips[0].root.path, clips[0].path).unlink()
    send(folder_copies)
    assert states(folder_copies) == ["dead", "verified", "verified"]


def test_a_destination_that_fails_has_one_alert(folder_copies: Destination, clips: list[Clip]) -> None:
    marker = Path(folder_copies.settings["path"], ".skycam-offsite")
    marker.rename(marker.with_name("elsewhere"))
    send(folder_copies)
    assert open_alerts() == ["offsite.failing"]
    assert states(folder_copies) == ["queued"] * 3
    marker.with_name("elsewhere").rename(marker)
    make_due(folder_copies)
    send(folder_copies)
    assert states(folder_copies) == ["verified"] * 3
    assert open_alerts() == []


def test_a_job_waits_for_a_destination_that_fails_for_a_moment(
    folder_copies: Destination, clips: list[Clip], job_clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = Path(folder_copies.settings["path"], ".skycam-offsite")
    marker.rename(marker.with_name("elsewhere"))

    def mount_the_disk(seconds: float) -> None:
        job_clock.wait(seconds)
        if not marker.exists():
            marker.with_name("elsewhere").rename(marker)

    monkeypatch.setattr(jobs, "time", SimpleNamespace(monotonic=job_clock.monotonic, sleep=mount_the_disk))
    assert send(folder_copies) == {"files": 3, "bytes": sum(clip.bytes for clip in clips), "failed": 1, "stopped": ""}
    assert job_clock.waits
    assert open_alerts() == []


def test_a_job_that_waits_for_bandwidth_leaves_its_host_to_others(
    folder_copies: Destination, clips: list[Clip], pace_clock: SteppingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "FAIR_S", -1.0)
    Destination.objects.update(bytes_per_s=1)

    def start_another_job(message: object) -> None:
        enqueue("verify", "main", subject="all files", arguments={"camera": None, "since": None}, camera=None)

    queue.queue_new_files(folder_copies, "main")
    context = JobContext(
        "0193a000-0000-7000-8000-000000000001", {"destination": str(folder_copies.pk)}, None, "ada", start_another_job
    )
    assert jobs.send_files(context)["stopped"] == "Another job waits; it continues afterwards."
    assert [(copy.state, copy.attempts) for copy in copies(folder_copies)] == [
        ("queued", 1),
        ("queued", 0),
        ("queued", 0),
    ]
    Job.objects.update(state="done", ended_at=timezone.now())
    Destination.objects.update(bytes_per_s=None)
    send(folder_copies)
    assert states(folder_copies) == ["verified"] * 3


def test_a_person_queues_a_dead_copy_again(folder_copies: Destination, clips: list[Clip]) -> None:
    place = Path(clips[0].root.path, clips[0].path)
    place.rename(place.with_suffix(".away"))
    send(folder_copies)
    place.with_suffix(".away").rename(place)
    assert copy_rows.retry_dead(folder_copies.copies.all(), "ada") == 1
    assert open_alerts() == []
    send(folder_copies)
    assert states(folder_copies) == ["verified"] * 3


@pytest.mark.parametrize("state", list(CopyState))
def test_a_copy_makes_only_the_moves_of_the_table(
    folder_copies: Destination, clips: list[Clip], state: CopyState
) -> None:
    queue.queue_new_files(folder_copies, "main")
    [copy, *_] = copies(folder_copies)
    forbidden = [other for other in CopyState if other not in COPY_TRANSITIONS[state]]
    with pytest.raises(ValueError, match="does not go"):
        copy_rows.move(copy, state, forbidden[0])


def test_an_attempt_that_was_taken_over_writes_nothing(folder_copies: Destination, clips: list[Clip]) -> None:
    queue.queue_new_files(folder_copies, "main")
    first = copy_rows.claim_next(folder_copies, "main")
    assert first is not None
    copy_rows.take_back_lost(folder_copies, "main")
    second = copy_rows.claim_next(folder_copies, "main")
    assert second is not None
    assert second.pk == first.pk
    assert not copy_rows.note_verified(first, "read_back", folder_copies)
    assert copy_rows.note_verified(second, "read_back", folder_copies)


def test_nothing_is_sent_outside_of_the_hours(folder_copies: Destination, clips: list[Clip]) -> None:
    now = site_time()
    begin, end = (now + timedelta(hours=2)).time(), (now + timedelta(hours=3)).time()
    Destination.objects.update(begin=begin, end=end)
    assert send(folder_copies)["stopped"] == "It is outside of the hours of the destination."
    assert states(folder_copies) == ["queued"] * 3


def test_a_paused_destination_starts_no_job(folder_copies: Destination, clips: list[Clip]) -> None:
    queue.queue_new_files(folder_copies, "main")
    folder_copies.enabled = False
    assert not start_sending(folder_copies, "main")
    folder_copies.enabled = True
    assert start_sending(folder_copies, "main")
    assert Job.objects.get(kind="offsite").arguments == {"destination": str(folder_copies.pk)}


def test_a_limit_of_bandwidth_can_be_lifted_within_a_file(
    folder_copies: Destination, pace_clock: SteppingClock
) -> None:
    Destination.objects.update(bytes_per_s=1000)
    looks: list[float] = []

    def lift_at_the_third_look() -> str:
        looks.append(pace_clock.monotonic())
        Destination.objects.filter(pk=folder_copies.pk).update(bytes_per_s=None if len(looks) > 2 else 1000)
        return ""

    # At the limit it would wait for 10,000 s.
    RowPace(folder_copies.pk, lift_at_the_third_look).take_bytes(10_000_000)
    assert len(looks) == 4
    assert sum(pace_clock.waits) == pytest.approx(3 * READ_S, abs=4 * NAP_S)


def test_a_pause_ends_the_sending_within_a_file(folder_copies: Destination, pace_clock: SteppingClock) -> None:
    Destination.objects.update(bytes_per_s=1)

    def pause() -> str:
        Destination.objects.filter(pk=folder_copies.pk).update(enabled=False)
        return ""

    with pytest.raises(Interrupted, match="paused"):
        RowPace(folder_copies.pk, pause).take_bytes(10_000_000)
