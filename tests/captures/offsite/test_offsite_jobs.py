"""The jobs of off-site copies in real child processes, started by the jobs part."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from captures.models import Clip, Destination, OffsiteCopy, StorageRoot
from captures.storage.offsite.jobs import FAIR_S
from captures.storage.offsite.queue import OffsiteQueue
from captures.storage.offsite.services import start_test
from core.jobs.models import Job
from core.jobs.services import enqueue
from core.jobs.tables import Lane
from core.jobs.worker import JobsWorker
from core.periodic.thread import task_of
from tests.harness.far_ends.offsite.s3_server import BUCKET, KEYS
from tests.harness.jobs.builders import QUICK
from tests.harness.project import PROJECT
from tests.harness.rows.offsite import destination, folder_destination
from tests.harness.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bucket(db: None, server: int) -> Destination:
    place = {"endpoint": f"http://127.0.0.1:{server}", "bucket": BUCKET, "access_key": KEYS["access_key"]}
    return destination("s3", place, {"secret_key": KEYS["secret_key"]})


@pytest.fixture
def worker() -> Iterator[list[JobsWorker]]:
    """Those of the host, one for each lane."""
    found = [JobsWorker("main", QUICK, lane) for lane in Lane]
    for one in found:
        one.start()
    yield found
    for one in found:
        one.stop()


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[OffsiteQueue]:
    monkeypatch.setitem(settings.PERIODIC_TASKS, "offsite", replace(task_of("offsite"), interval_s=0.1))
    found = OffsiteQueue("main")
    yield found
    found.stop()


def verified() -> bool:
    return OffsiteCopy.objects.filter(state="verified").exists()


def test_a_new_clip_reaches_the_bucket_by_itself(
    bucket: Destination, clip: Clip, worker: list[JobsWorker], queue: OffsiteQueue
) -> None:
    queue.start()
    eventually(verified)
    result = {"files": 1, "bytes": clip.bytes, "failed": 0, "stopped": ""}
    eventually(lambda: Job.objects.filter(kind="offsite", state="done", result=result).exists())


def test_a_destination_is_tested_by_a_job(bucket: Destination, root: StorageRoot, worker: list[JobsWorker]) -> None:
    job = start_test(bucket, "ada")
    eventually(lambda: Job.objects.filter(pk=job.pk, state="done").exists())
    job.refresh_from_db()
    assert job.result is not None
    assert job.result["works"]
    assert KEYS["secret_key"] not in str([list(Job.objects.values())])


@pytest.mark.prove  # it does so after FAIR_S; the decision alone: tests/captures/offsite/test_offsite_queue.py
def test_a_job_that_waits_for_bandwidth_leaves_its_host_to_others(
    clip: Clip, worker: list[JobsWorker], queue: OffsiteQueue, tmp_path: Path
) -> None:
    made = folder_destination(tmp_path / "copies")
    Destination.objects.update(bytes_per_s=1)
    queue.start()
    eventually(lambda: OffsiteCopy.objects.filter(state="sending").exists())
    other, _ = enqueue("verify", "main", subject="all files", arguments={"camera": None, "since": None}, camera=None)
    eventually(lambda: Job.objects.filter(pk=other.pk, state="done").exists(), takes_s=FAIR_S)
    assert not verified()
    Destination.objects.filter(pk=made.pk).update(bytes_per_s=None)
    eventually(verified)


PARTS = "captures.storage.offsite.queue", "captures.storage.api", "captures.urls", "skycam_project.cli.offsite"
LOADED_BY = """
import django, importlib, sys
django.setup()
for module in [*sys.argv[1:], "captures.storage.offsite.senders"]:
    importlib.import_module(module)
    print(module, *{"boto3", "botocore", "paramiko"} & set(sys.modules))
"""


def test_the_parts_of_a_station_load_neither_boto3_nor_paramiko() -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "skycam_project.settings"}
    command = [sys.executable, "-c", LOADED_BY, *PARTS]
    found = subprocess.run(command, cwd=PROJECT, env=environment, check=True, capture_output=True, text=True)
    assert found.stdout.split("\n") == [*PARTS, "captures.storage.offsite.senders", ""]
