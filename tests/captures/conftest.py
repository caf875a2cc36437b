"""A storage root with its marker, and captures with pictures in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.harness.project import PROJECT

if TYPE_CHECKING:
    from cameras.models import Camera
    from captures.models import CaptureFile, StorageRoot


@pytest.fixture
def picture(camera: Camera, root: StorageRoot) -> Callable[..., CaptureFile]:
    """The file of a new capture: its content, and any other fields of the row."""
    from tests.harness.rows.captures import file_of, saved

    def make(content: bytes, **fields: Any) -> CaptureFile:
        return file_of(saved(camera), root, content=content, **fields)

    return make


@pytest.fixture
def files_worker(valkey: Any) -> Iterator[None]:
    """A real worker for the files of this host, without a Supervisor."""
    from django.conf import settings

    words = ["worker", "--queues", f"files.{settings.STATION.host}", "--pool", "threads", "--concurrency", "2"]
    command = [sys.executable, "-m", "celery", "--quiet", "--skip-checks", "--app", "skycam_project.celery", *words]
    worker = subprocess.Popen([*command, "--without-gossip", "--without-mingle"], cwd=PROJECT, env=os.environ)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(60)
