"""The jobs of off-site copies in real child processes, started by the jobs part."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameras.models import Camera
from captures.models import Clip, Destination, OffsiteCopy, StorageRoot
from captures.offsite.services import start_test
from captures.offsite.thread import OffsiteQueue
from core.jobs.models import Job
from core.jobs.services import enqueue
from core.jobs.worker import JobsWorker
from tests.harness.far_ends.offsite.s3_server import BUCKET, KEYS, s3_server
from tests.harness.jobs.builders import QUICK
from tests.harness.project import PROJECT
from tests.harness.rows.clips import clip_of
from tests.harness.rows.offsite import destination, folder_destination
from tests.harness.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with s3_server() as port:
        yield port


@pytest.fixture
def bucket(db: None, server: int) -> Destination:
    place = {"endpoint": f"http://127.0.0.1:{server}", "bucket": BUCKET, "access_key": KEYS["access_key"]}
    return destination("s3", place, {"secret_key": KEYS["secret_key"]})


@pytest.fixture
def clip(camera: Camera, root: StorageRoot) -> Clip:
    return clip_of(camera, root)


@pytest.fixture
def worker() -> Iterator[JobsWorker]:
    found = JobsWorker("main", QUICK)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def queue() -> Iterator[OffsiteQueue]:
    found = OffsiteQueue("main")
    yield found
    found.stop()


def verified() -> bool:
    return OffsiteCopy.objects.filter(state="verified").exists()


def test_a_new_clip_reaches_the_bucket_by_itself(
    bucket: Destination, clip: Clip, worker: JobsWorker, queue: OffsiteQueue
) -> None:
    queue.start()
    eventually(verified)
    eventually(lambda: Job.objects.filter(kind="offsite", state="done").exists())
    assert Job.objects.get(kind="offsite").result == {
        "files": 1, "bytes": clip.bytes, "failed": 0, "stopped": "",
    }  # fmt: skip


def test_a_destination_is_tested_by_a_job(bucket: Destination, root: StorageRoot, worker: JobsWorker) -> None:
    job = start_test(bucket, "ada")
    eventually(lambda: Job.objects.filter(pk=job.pk, state="done").exists())
    job.refresh_from_db()
    assert job.result is not None
    assert job.result["works"]
    assert KEYS["secret_key"] not in str([list(Job.objects.values())])


def test_a_job_that_waits_for_bandwidth_leaves_its_host_to_others(
    clip: Clip, worker: JobsWorker, queue: OffsiteQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = folder_destination(tmp_path / "copies")
    Destination.objects.update(bytes_per_s=1)
    queue.start()
    eventually(lambda: OffsiteCopy.objects.filter(state="sending").exists())
    other, _ = enqueue("verify", "main", subject="all files", arguments={"camera": None, "since": None})
    eventually(lambda: Job.objects.filter(pk=other.pk, state="done").exists())
    assert not verified()
    Destination.objects.filter(pk=made.pk).update(bytes_per_s=None)
    eventually(verified)


PARTS = "captures.offsite.thread", "captures.offsite.api", "captures.urls", "skycam_project.cli.offsite"


@pytest.mark.parametrize("module", PARTS)
def test_the_parts_of_a_station_load_neither_boto3_nor_paramiko(module: str) -> None:
    code = (
        f"import django, sys; django.setup(); import {module}; import captures.offsite.senders; "
        "sys.exit(bool({'boto3', 'botocore', 'paramiko'} & set(sys.modules)))"
    )
    environment: dict[str, Any] = {**os.environ, "DJANGO_SETTINGS_MODULE": "skycam_project.settings"}
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env=environment, check=False).returncode == 0
