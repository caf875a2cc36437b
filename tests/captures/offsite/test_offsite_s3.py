"""Copies on a real S3 server (moto's), behind a proxy that is down, slow, answers 500, corrupts an upload and forgets a
part."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from cameras.models import Camera
from captures.models import Clip, Destination, StorageRoot
from captures.storage.offsite.destinations import guarded_http, s3
from captures.storage.offsite.destinations.port import CopyMissing
from captures.storage.offsite.queue import queue_new_files
from captures.storage.offsite.restore import fetch_copy
from core.events.models import Alert, Event
from tests.harness.clocks.clock import SteppingClock
from tests.harness.far_ends.offsite.faulty_proxy import (
    Answer,
    FaultyProxy,
    Request,
    compare_sha256,
    corrupt,
    cut,
    fail,
    forget_part,
    hang,
    once,
    only_in_region,
    redirect_to,
    refuse_checksums,
    repeat,
)
from tests.harness.far_ends.offsite.s3_server import BUCKET, KEYS, client
from tests.harness.kills.killed_job import KILLED, exit_status
from tests.harness.rows.clips import STARTED, clip_of
from tests.harness.rows.offsite import (
    copies,
    destination,
    events,
    make_due,
    open_alerts,
    probe,
    send,
    states,
)

pytestmark = pytest.mark.django_db
PART = 100_000
STALL_S = 0.5
"""After which an answer is given up."""
LARGE = Random(35).randbytes(5 * PART + 7)


@pytest.fixture
def proxy(server: int) -> Iterator[FaultyProxy]:
    found = FaultyProxy(server)
    yield found
    found.stop()


@pytest.fixture
def other(server: int) -> Iterator[FaultyProxy]:
    found = FaultyProxy(server)
    yield found
    found.stop()


@pytest.fixture
def bucket(db: None, proxy: FaultyProxy, request: pytest.FixtureRequest) -> Destination:
    """A destination with a prefix of its own for each test."""
    place = {
        "endpoint": f"http://127.0.0.1:{proxy.port}", "bucket": BUCKET, "access_key": KEYS["access_key"],
        "prefix": sha256(request.node.nodeid.encode()).hexdigest()[:16],
    }  # fmt: skip
    return destination("s3", place, {"secret_key": KEYS["secret_key"]})


@pytest.fixture
def large(camera: Camera, root: StorageRoot, monkeypatch: pytest.MonkeyPatch) -> Clip:
    """Of six parts."""
    monkeypatch.setitem(s3.S3Sender.__init__.__kwdefaults__, "part_bytes", PART)
    return clip_of(camera, root, film=LARGE)


def content(bucket: Destination, server: int) -> bytes:
    [copy] = copies(bucket)
    found: Any = client(server)
    return bytes(found.get_object(Bucket=BUCKET, Key=bucket.settings["prefix"] + copy.key)["Body"].read())


def objects(bucket: Destination, server: int) -> list[str]:
    found: Any = client(server)
    listed = found.list_objects_v2(Bucket=BUCKET, Prefix=bucket.settings["prefix"])
    return [one["Key"] for one in listed.get("Contents", [])]


def unfinished(bucket: Destination, server: int) -> list[Any]:
    found: Any = client(server)
    uploads = found.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return [one for one in uploads if one["Key"].startswith(bucket.settings["prefix"])]


def test_a_clip_is_copied_and_read_back(bucket: Destination, clip: Clip, server: int) -> None:
    send(bucket)
    assert [copy.verified_by for copy in copies(bucket)] == ["read_back"]
    assert len(content(bucket, server)) == clip.bytes


def test_an_object_that_is_missing_when_it_is_needed_is_not_verified_any_more(
    bucket: Destination, clip: Clip, server: int
) -> None:
    send(bucket)
    [copy], found = copies(bucket), client(server)
    found.delete_object(Bucket=BUCKET, Key=bucket.settings["prefix"] + copy.key)
    with pytest.raises(CopyMissing):
        fetch_copy(copy, bytearray().extend)
    assert states(bucket) == ["queued"]


def test_a_large_file_is_sent_in_parts(bucket: Destination, large: Clip, server: int, proxy: FaultyProxy) -> None:
    send(bucket)
    assert states(bucket) == ["verified"]
    assert content(bucket, server) == LARGE
    assert len([one for one in proxy.seen if "partNumber" in one]) == 6
    assert unfinished(bucket, server) == []


def test_a_corrupted_upload_is_removed_and_sent_again(
    bucket: Destination, clip: Clip, server: int, proxy: FaultyProxy
) -> None:
    proxy.faults.append(once(corrupt))
    send(bucket)
    assert states(bucket) == ["queued"]
    assert objects(bucket, server) == []
    assert events() == ["offsite.damaged"]
    assert open_alerts() == ["offsite.damaged"]
    make_due(bucket)
    send(bucket)
    assert states(bucket) == ["verified"]
    assert open_alerts() == []


def test_a_corrupted_part_is_found(bucket: Destination, large: Clip, server: int, proxy: FaultyProxy) -> None:
    proxy.faults.append(once(corrupt, lambda request: request.is_part))
    send(bucket)
    assert events() == ["offsite.damaged"]
    make_due(bucket)
    send(bucket)
    assert content(bucket, server) == LARGE


def test_a_server_that_is_down_for_a_while_gets_everything(
    bucket: Destination, clip: Clip, camera: Camera, root: StorageRoot, proxy: FaultyProxy
) -> None:
    clip_of(camera, root, STARTED + timedelta(minutes=1))
    clip_of(camera, root, STARTED + timedelta(minutes=2))
    proxy.stop()
    send(bucket)
    assert states(bucket) == ["queued"] * 3
    assert open_alerts() == ["offsite.failing"]
    proxy.start()
    make_due(bucket)
    send(bucket)
    assert states(bucket) == ["verified"] * 3
    assert open_alerts() == []


@pytest.mark.parametrize(
    "fault", [fail(500, b"InternalError"), fail(503, b"SlowDown"), fail(429, b"TooManyRequests"), cut]
)
def test_a_failed_request_is_repeated(bucket: Destination, clip: Clip, proxy: FaultyProxy, fault: Any) -> None:
    proxy.faults.append(once(fault))
    send(bucket)
    make_due(bucket)
    send(bucket)
    assert states(bucket) == ["verified"]
    assert copies(bucket)[0].attempts == 2
    assert events() == []


def test_a_forgotten_part_is_sent_again(bucket: Destination, large: Clip, server: int, proxy: FaultyProxy) -> None:
    proxy.faults.append(once(forget_part, lambda request: "partNumber=3" in request.path))
    send(bucket)
    make_due(bucket)
    send(bucket)
    assert states(bucket) == ["verified"]
    assert content(bucket, server) == LARGE
    assert unfinished(bucket, server) == []


def test_an_upload_continues_with_the_parts_that_are_missing(
    bucket: Destination, large: Clip, server: int, proxy: FaultyProxy
) -> None:
    proxy.faults.append(once(cut, lambda request: "partNumber=4" in request.path))
    send(bucket)
    assert copies(bucket)[0].upload
    make_due(bucket)
    send(bucket)
    assert states(bucket) == ["verified"]
    assert [one.rpartition("=")[2] for one in proxy.seen if "partNumber" in one] == ["1", "2", "3", "4", "4", "5", "6"]
    assert content(bucket, server) == LARGE


def test_a_server_that_hangs_is_left(
    bucket: Destination, clip: Clip, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(s3.S3Sender.__init__.__kwdefaults__, "stall_s", STALL_S)
    proxy.faults.append(once(hang(10 * STALL_S)))
    send(bucket)
    assert states(bucket) == ["queued"]
    assert copies(bucket)[0].error == "The connection failed: the server did not answer in time."


def test_a_server_that_answers_too_slowly_is_left(
    bucket: Destination, clip: Clip, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded_http, "SLOW_S", 0.5)
    proxy.pause_s = 0.05
    send(bucket)
    assert states(bucket) == ["queued"]
    assert copies(bucket)[0].error == "The server is too slow."


def test_the_limit_of_bandwidth_counts_each_byte_once(
    bucket: Destination, large: Clip, pace_clock: SteppingClock
) -> None:
    Destination.objects.update(bytes_per_s=1_000_000)
    send(bucket)
    assert states(bucket) == ["verified"]
    # Sent and read back.
    assert sum(pace_clock.waits) == pytest.approx(2 * large.bytes / 1_000_000)


def test_no_redirect_is_followed(bucket: Destination, clip: Clip, proxy: FaultyProxy, other: FaultyProxy) -> None:
    proxy.faults.append(redirect_to(f"http://127.0.0.1:{other.port}/{BUCKET}/x"))
    send(bucket)
    assert other.seen == []
    assert "redirects to another address" in copies(bucket)[0].error


def test_the_station_itself_is_no_destination(clip: Clip) -> None:
    station = {"endpoint": f"http://127.0.0.1:{settings.STATION.web.port}", "bucket": BUCKET, "access_key": "a"}
    made = destination("s3", station, {"secret_key": "b"})
    send(made)
    assert "leads to a port of the station itself" in copies(made)[0].error


def test_a_secret_is_not_sent_to_another_place(bucket: Destination, clip: Clip, other: FaultyProxy) -> None:
    bucket.settings["endpoint"] = f"http://127.0.0.1:{other.port}"
    bucket.save()
    send(bucket)
    assert other.seen == []
    error = bucket.hosts.get().error
    assert "for another place" in error
    assert bucket.settings["access_key"] not in error


def test_a_server_that_always_names_another_region_is_left(bucket: Destination, clip: Clip, proxy: FaultyProxy) -> None:
    proxy.faults.append(fail(400, b"AuthorizationHeaderMalformed"))
    send(bucket)
    assert states(bucket) == ["queued"]
    assert len(proxy.seen) == 1


def test_the_proxy_of_the_environment_is_not_used(
    bucket: Destination, clip: Clip, other: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{other.port}")
    send(bucket)
    assert states(bucket) == ["verified"]
    assert other.seen == []


def test_a_server_that_compares_checksums_verifies_by_itself(
    bucket: Destination, large: Clip, proxy: FaultyProxy
) -> None:
    proxy.faults.append(compare_sha256)
    assert "refuses a wrong SHA-256" in probe(bucket)["said"][-1]
    send(bucket)
    assert [copy.verified_by for copy in copies(bucket)] == ["server"]
    assert [one for one in proxy.seen if one.startswith("GET") and one.endswith(".mp4") and "?" not in one] == []


def test_a_server_that_compares_no_checksums_of_parts_is_read_back(
    bucket: Destination, large: Clip, server: int, proxy: FaultyProxy
) -> None:
    proxy.faults.append(lambda request: None if request.is_part else compare_sha256(request))
    assert "by reading them back" in probe(bucket)["said"][-1]
    proxy.faults.insert(0, once(corrupt, lambda request: request.is_part))
    send(bucket)
    assert states(bucket) == ["queued"]
    assert events() == ["offsite.damaged"]
    assert unfinished(bucket, server) == []


def test_a_file_that_changes_while_it_is_sent_gets_no_verified_copy(
    bucket: Destination, large: Clip, server: int, proxy: FaultyProxy
) -> None:
    proxy.faults.append(compare_sha256)
    assert probe(bucket)["works"]
    file = Path(large.root.path, large.path)
    proxy.faults.append(once(lambda request: overwrite_end(file), lambda request: "partNumber=2" in request.path))
    send(bucket)
    assert states(bucket) == ["dead"]
    assert objects(bucket, server) == []
    assert unfinished(bucket, server) == []


def test_a_server_that_only_repeats_checksums_is_read_back(bucket: Destination, clip: Clip) -> None:
    assert "by reading them back" in probe(bucket)["said"][-1]
    send(bucket)
    assert [copy.verified_by for copy in copies(bucket)] == ["read_back"]


@pytest.mark.parametrize("film", ["clip", "large"])
def test_a_server_that_refuses_checksums_gets_none_and_is_read_back(
    bucket: Destination, film: str, server: int, proxy: FaultyProxy, camera: Camera, root: StorageRoot,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    request.getfixturevalue(film)
    proxy.faults.append(refuse_checksums)
    send(bucket)
    assert [(copy.state, copy.attempts, copy.verified_by) for copy in copies(bucket)] == [("verified", 1, "read_back")]
    assert bucket.hosts.get().takes_checksums is False
    asked = len(probes(proxy))
    clip_of(camera, root, STARTED + timedelta(minutes=1))
    send(bucket)
    assert states(bucket) == ["verified"] * 2
    assert len(probes(proxy)) == asked
    assert unfinished(bucket, server) == []


def probes(proxy: FaultyProxy) -> list[str]:
    """The requests with which the sender finds out what the server takes."""
    return [one for one in proxy.seen if ".skycam-probe" in one]


def test_the_test_of_a_server_that_refuses_checksums_says_so(bucket: Destination, proxy: FaultyProxy) -> None:
    proxy.faults.append(refuse_checksums)
    found = probe(bucket)
    assert found["works"]
    assert "The server refuses checksums: copies are sent without them" in found["said"][-1]
    assert bucket.hosts.get().takes_checksums is False
    proxy.faults.clear()
    assert "by reading them back" in probe(bucket)["said"][-1]
    assert bucket.hosts.get().takes_checksums is True


def test_a_request_that_is_refused_for_another_cause_says_nothing_about_checksums(
    bucket: Destination, clip: Clip, proxy: FaultyProxy
) -> None:
    proxy.faults.append(fail(400, b"InvalidBucketState"))
    send(bucket)
    assert "InvalidBucketState" in bucket.hosts.get().error
    assert bucket.hosts.get().takes_checksums is None


def test_a_wrong_region_is_named_by_the_test_and_by_the_status_of_each_attempt(
    bucket: Destination, clip: Clip, proxy: FaultyProxy
) -> None:
    proxy.faults.append(only_in_region("eu-central-1"))
    said = "The bucket is in another region: eu-central-1. Set region=eu-central-1 of the destination."
    assert probe(bucket)["said"] == [said]
    errors = []
    for _ in range(3):
        send(bucket)
        make_due(bucket)
        errors.append(bucket.hosts.get().error)
    assert errors == [said] * 3
    bucket.settings["region"] = "eu-central-1"
    bucket.save()
    send(bucket)
    assert states(bucket) == ["verified"]


def test_the_cause_of_a_refusal_is_named_at_a_later_attempt_as_well(
    bucket: Destination, clip: Clip, proxy: FaultyProxy
) -> None:
    proxy.faults.append(fail(403, b"SignatureDoesNotMatch"))
    send(bucket)
    make_due(bucket)
    send(bucket)
    assert copies(bucket)[0].attempts == 2
    assert "SignatureDoesNotMatch" in copies(bucket)[0].error


def test_a_redirect_to_the_server_of_another_region_names_the_region(
    bucket: Destination, clip: Clip, proxy: FaultyProxy
) -> None:
    proxy.faults.append(lambda request: Answer(301, b"", {"x-amz-bucket-region": "eu-central-1"}))
    send(bucket)
    assert "The bucket is in another region: eu-central-1." in copies(bucket)[0].error


def test_a_wrong_secret_is_a_sentence_without_the_secret(bucket: Destination, clip: Clip, proxy: FaultyProxy) -> None:
    proxy.faults.append(fail(403, b"SignatureDoesNotMatch"))
    said = probe(bucket)["said"]
    assert "SignatureDoesNotMatch" in said[0]
    assert KEYS["secret_key"] not in str(said)


def test_what_a_server_repeats_of_the_keys_is_in_no_error_event_or_alert(
    bucket: Destination, clip: Clip, proxy: FaultyProxy, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.faults.append(repeat(KEYS["secret_key"]))
    said = str(probe(bucket)["said"])
    send(bucket)
    said += caplog.text + bucket.hosts.get().error + str(list(bucket.copies.values_list("error", flat=True)))
    said += str([*Event.objects.values_list("message", "data"), *Alert.objects.values_list("message", "data")])
    assert "[hidden]" in said
    assert [key for key in (KEYS["secret_key"], bucket.settings["access_key"]) if key in said] == []


def test_an_upload_that_nobody_continues_is_aborted(bucket: Destination, large: Clip, server: int) -> None:
    queue_new_files(bucket, "main")
    found: Any = client(server)
    name = bucket.settings["prefix"] + copies(bucket)[0].key
    found.create_multipart_upload(Bucket=BUCKET, Key=name)
    send(bucket)
    assert states(bucket) == ["verified"]
    assert unfinished(bucket, server) == []


def overwrite_end(file: Path) -> None:
    """Another program writes into the file."""
    with file.open("r+b") as opened:
        opened.seek(-7, os.SEEK_END)
        opened.write(bytes(7))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("point", "passes"),
    [("after_upload_begun", 0), ("after_part_sent", 0), ("after_part_sent", 3), ("after_data_sent", 0)],
)
@pytest.mark.slow
def test_after_a_kill_the_next_job_finishes_the_upload(
    bucket: Destination, large: Clip, server: int, point: str, passes: int
) -> None:
    queue_new_files(bucket, "main")
    assert exit_status("offsite_process", point, passes, bucket.pk) == KILLED
    send(bucket)
    assert states(bucket) == ["verified"]
    assert content(bucket, server) == LARGE
    assert unfinished(bucket, server) == []
    assert events() == []


def pause_destinations(request: Request) -> None:
    """A manager pauses while the part is on its way. In the proxy's thread, with a connection of its own."""
    Destination.objects.update(enabled=False)
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_pause_within_a_file_keeps_its_parts(
    bucket: Destination, large: Clip, proxy: FaultyProxy, pace_clock: SteppingClock
) -> None:
    Destination.objects.update(bytes_per_s=100_000)
    proxy.faults.append(once(pause_destinations, lambda request: "partNumber=2" in request.path))
    assert send(bucket)["stopped"] == "The destination is paused."
    assert states(bucket) == ["queued"]
    Destination.objects.update(enabled=True, bytes_per_s=None)
    send(bucket)
    assert states(bucket) == ["verified"]
    assert len([one for one in proxy.seen if one.endswith("partNumber=1")]) == 1
    assert events() == []
