from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from captures.models import Clip
from core.station_settings import StationSetting
from core.versions import APPS
from tests.harness.migrations import migrate, returned_with, tables
from tests.harness.rows.archive import Archive
from tests.harness.rows.clips import STARTED, row_of
from tests.harness.runs.tiers import further


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


def tables_of_a_new_station() -> dict[str, list[str]]:
    call_command("migrate", verbosity=0)
    return tables()


def tables_after_each_step() -> dict[str, list[str]]:
    migrate()
    return tables()


def tables_after_an_update_from_the_first_version() -> dict[str, list[str]]:
    migrate(*((app, "0001_initial") for app in ("access", "monitoring", "cameras", "captures")))
    return tables_of_a_new_station()


def tables_after_an_update_from_before_the_invitations() -> dict[str, list[str]]:
    migrate(("core", "0004_jobs_of_several_cameras"), ("captures", "0037_servers_that_refuse_checksums"))
    return tables_of_a_new_station()


UPDATES = (tables_after_an_update_from_the_first_version, tables_after_an_update_from_before_the_invitations)


@pytest.mark.slow
@pytest.mark.parametrize("update", [UPDATES[0], *further(*UPDATES[1:])], ids=["first", "before the invitations"])
def test_an_update_gives_a_station_of_before_the_tables_of_a_new_one(update: Any, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("new", "old")]
    for folder in folders:
        folder.mkdir()
    new = returned_with(__name__, tables_of_a_new_station.__name__, folders[0])
    assert new == returned_with(__name__, update.__name__, folders[1])


@pytest.mark.slow
def test_a_new_station_has_the_tables_of_one_that_took_each_step(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("new", "old")]
    for folder in folders:
        folder.mkdir()
    new = returned_with(__name__, tables_of_a_new_station.__name__, folders[0])
    assert new == returned_with(__name__, tables_after_each_step.__name__, folders[1])


@pytest.mark.django_db
def test_a_station_that_took_each_step_has_nothing_to_migrate() -> None:
    """As after an update from a version of before."""
    applied = MigrationRecorder.Migration.objects
    assert applied.filter(name__startswith="0001_squashed_").delete()[0] == len(APPS)
    executor = MigrationExecutor(connection)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []


BEFORE = (("core", "0001_initial"), ("monitoring", "0004_camera_ids_of_events"))


@pytest.mark.prove
def test_the_settings_of_the_page_keep_their_values_while_their_model_moves(migrated_again: None) -> None:
    migrate(*BEFORE)("monitoring.StationSetting").create(key="camera_config.crf", value=20, changed_by="ada")
    migrate()
    assert StationSetting.objects.values_list("key", "value", "changed_by").get() == ("camera_config.crf", 20, "ada")
    assert migrate(*BEFORE)("monitoring.StationSetting").get().value == 20
