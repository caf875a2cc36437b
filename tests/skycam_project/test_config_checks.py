from __future__ import annotations

from pathlib import Path

import pytest
from django.core import checks as django_checks

from monitoring.health import findings
from skycam_project import checks
from skycam_project.config.folder import secret_key


def ids(messages) -> list[str]:
    return [message.id for message in messages]


def test_a_healthy_station_has_nothing_to_report():
    assert checks.check_station() == []


def test_the_checks_are_registered():
    assert "skycam" in django_checks.registry.registry.tags_available()


def test_a_data_folder_that_cannot_be_written_is_found():
    assert ids(checks.check_data_folder(Path("/proc"))) == ["skycam.E001"]


def test_a_data_folder_that_others_can_access_is_found(tmp_path):
    tmp_path.chmod(0o755)
    assert ids(checks.check_data_folder(tmp_path)) == ["skycam.W010"]


def test_a_secret_key_that_others_can_read_is_found(tmp_path):
    secret_key(tmp_path)
    (tmp_path / "secret-key").chmod(0o644)
    assert ids(checks.check_secret_key(tmp_path / "secret-key")) == ["skycam.E002"]


def test_a_missing_storage_root_is_found(tmp_path):
    assert ids(checks.check_storage_root(tmp_path / "none")) == ["skycam.E003"]


def test_a_database_without_a_folder_is_found(tmp_path):
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "none" / "db"}
    assert ids(checks.check_database_folder(database)) == ["skycam.E004"]


def test_a_path_that_leads_nowhere_is_found(monkeypatch):
    monkeypatch.setattr("monitoring.health.HEALTH", {"broken": "monitoring.nowhere.at_all"})
    assert ids(checks.check_table("monitoring.health.HEALTH")) == ["skycam.E005"]


def test_the_warnings_of_the_configuration_are_listed(configure, settings):
    settings.STATION = configure("web: {host: 0.0.0.0}").config
    assert "skycam.W001" in ids(checks.check_station())


def test_each_table_is_registered_once():
    assert len(set(checks.TABLES)) == len(checks.TABLES)


@pytest.mark.django_db
def test_the_database_answers():
    assert findings()["database"] == []
