"""Files that someone or something needs after a rule has chosen them to be left to their copies, and before they are
deleted here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from captures.models import Archive, ArchiveFile, ArchiveFolder, CaptureFile, Experiment, ExperimentCapture
from captures.storage.retention.capture_rules import MOVES
from captures.storage.retention.cleanup import ClipCleanup
from captures.storage.retention.plan import PlanItem
from captures.storage.trash.services import pin_capture
from tests.harness.rows.offsite import bucket, folder_destination, send


@pytest.fixture
def chosen(old: CaptureFile, server: int, monkeypatch: pytest.MonkeyPatch) -> PlanItem:
    """The file, marked for its deletion here."""
    send(bucket(server))
    kept = settings.STATION.retention.model_copy(update={"capture_offsite_days": 1 / 24})
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"retention": kept}))
    [item] = MOVES["captures"].select([old.root], (), None)
    assert MOVES["captures"].mark([item]) == [str(old.pk)]
    return item


def pin(file: CaptureFile) -> None:
    pin_capture(file.capture, pinned=True, actor="olga")


def ended_experiment(state: str) -> Experiment:
    now = timezone.now()
    return Experiment.objects.create(
        name="Dew", operator="ada", still_interval_s=60, state=state, started_at=now, ended_at=now
    )


def put_into_experiment(file: CaptureFile) -> None:
    run = ended_experiment("completed")
    ExperimentCapture.objects.create(experiment=run, capture=file.capture)


def plan_for_archive(file: CaptureFile) -> None:
    archive = Archive.objects.create(experiment=ended_experiment("archived"), folder="dew", wait_until=timezone.now())
    folder = ArchiveFolder.objects.create(archive=archive, host=file.host, root=file.root)
    ArchiveFile.objects.create(
        folder=folder, camera=file.capture.camera, capture_file=file, path="0.jpg", at=file.capture.started_at,
        bytes=file.bytes, sha256=file.sha256,
    )  # fmt: skip


def require_another_copy(file: CaptureFile) -> None:
    folder_destination(Path(file.root.path).with_name("nas"), name="nas", keep_local=True)


@pytest.mark.parametrize("need", [pin, put_into_experiment, plan_for_archive, require_another_copy])
def test_a_capture_that_is_needed_after_it_was_chosen_stays(
    need: Callable[[CaptureFile], Any], old: CaptureFile, chosen: PlanItem
) -> None:
    need(old)
    assert ClipCleanup(settings.STATION.host).run().moved == []
    assert Path(old.root.path, old.path).exists()
    assert CaptureFile.objects.get().kept == "here"


def test_a_capture_that_is_pinned_after_its_file_was_deleted_here_is_off_site(
    old: CaptureFile, chosen: PlanItem
) -> None:
    """A kill came between the deletion and its row."""
    Path(old.root.path, old.path).unlink()
    pin(old)
    assert ClipCleanup(settings.STATION.host).run().moved == [chosen]
    assert CaptureFile.objects.get().kept == "offsite"
