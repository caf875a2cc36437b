"""The page of a capture whose files only a destination has."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from cameras.models import Camera
from captures.models import CaptureFile, StorageRoot
from core.jobs.models import Job
from tests.harness.rows.captures import file_of, saved
from tests.harness.rows.offsite import folder_destination, leave_to_copies, send


@pytest.fixture
def away(camera: Camera, root: StorageRoot, tmp_path: Path) -> CaptureFile:
    file = file_of(saved(camera), root)
    send(folder_destination(tmp_path / "copies"))
    leave_to_copies(file)
    return file
