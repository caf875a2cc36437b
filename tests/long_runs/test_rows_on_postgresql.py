"""Tests of rows, once more on PostgreSQL: it orders, compares, locks and stores JSON in other ways than SQLite."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.harness.postgresql import postgresql

pytestmark = [pytest.mark.prove, pytest.mark.timeout(1800)]
TESTS = (
    "tests/scheduler", "tests/api/test_schedules.py", "tests/pages/test_schedules_pages.py",
    "tests/pages/test_nights.py", "tests/captures/test_night_session.py", "tests/captures/test_agenda_sessions.py",
    "tests/captures/test_session_handover.py", "tests/captures/test_organizing_kills.py",
    "tests/captures/test_organizing_parts.py", "tests/captures/offsite", "tests/captures/archives",
    "tests/captures/experiments", "tests/captures/integrity", "tests/captures/recording_claims",
    "tests/captures/retention", "tests/captures/storage_usage", "tests/core/jobs", "tests/core/idempotency",
    "tests/monitoring", "tests/api/test_events.py", "tests/api/test_health.py", "tests/pages/test_status.py",
    "tests/pages/test_alert_rules_pages.py", "tests/pages/test_notifications_pages.py", "tests/pages/test_readings.py",
    "tests/pages/test_sensors_pages.py", "tests/admin", "tests/api/test_trash.py",
    "tests/api/test_experiments.py", "tests/api/test_storage.py", "tests/pages/test_experiments.py",
    "tests/pages/test_experiment_forms.py", "tests/pages/test_experiment_archive.py", "tests/pages/test_archives.py",
    "tests/pages/test_archives_files.py", "tests/pages/test_storage_page.py", "tests/pages/test_storage_plan.py",
    "tests/pages/test_storage_trash.py", "tests/pages/test_storage_integrity.py",
    "tests/pages/test_destination_form.py", "tests/pages/test_telescope_pages.py", "tests/api/test_telescope.py",
)  # fmt: skip


def test_schedules_nights_experiments_archives_storage_and_monitoring_work_on_postgresql() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    with postgresql() as address:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *TESTS],
            env={**environment, "TEST_DATABASE_URL": address}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-10_000:]
    # Of their own kind of run only the long ones are left out.
    assert re.search(r"^\d+ passed(, \d+ deselected)? in ", done.stdout, re.MULTILINE), done.stdout[-300:]
