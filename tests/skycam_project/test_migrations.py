from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from captures.models import Clip
from core.station_settings import StationSetting
from tests.harness.migrations import migrate
from tests.harness.rows.archive import Archive
from tests.harness.rows.clips import STARTED, row_of


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db
def test_the_migration_marks_losses_of_interrupted_clips_as_unknown(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    killed = row_of(archive.camera, archive.root, STARTED, interrupted=True, reason="camera_crashed")
    failed = row_of(archive.camera, archive.root, STARTED, interrupted=True, reason="disk_full")
    whole = row_of(archive.camera, archive.root, STARTED)
    Clip.objects.bulk_create([killed, failed, whole])
    migration = importlib.import_module("captures.migrations.0008_lost_frames_may_be_unknown")
    migration.forget_what_nobody_counted(apps, connection.schema_editor())
    lost = dict(Clip.objects.values_list("pk", "lost_frames"))
    assert lost[killed.pk] is None
    assert lost[failed.pk] == 0
    assert lost[whole.pk] == 0


BEFORE = (("core", "0001_initial"), ("monitoring", "0004_camera_ids_of_events"))


@pytest.mark.slow
def test_the_settings_of_the_page_keep_their_values_while_their_model_moves(migrated_again: None) -> None:
    migrate(*BEFORE)("monitoring.StationSetting").create(key="camera_config.crf", value=20, changed_by="ada")
    migrate()
    assert StationSetting.objects.values_list("key", "value", "changed_by").get() == ("camera_config.crf", 20, "ada")
    assert migrate(*BEFORE)("monitoring.StationSetting").get().value == 20
