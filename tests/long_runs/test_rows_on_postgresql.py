"""Tests of rows, once more on PostgreSQL: it orders, compares, locks and stores JSON in other ways than SQLite."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.harness.postgresql import postgresql

pytestmark = [pytest.mark.prove, pytest.mark.timeout(900)]
TESTS = (
    "tests/scheduler", "tests/api/test_schedules.py", "tests/pages/test_schedules_pages.py",
    "tests/pages/test_nights.py", "tests/captures/test_night_session.py", "tests/captures/test_agenda_sessions.py",
    "tests/captures/test_session_handover.py", "tests/captures/test_organizing_kills.py",
    "tests/captures/test_organizing_parts.py", "tests/captures/offsite",
)  # fmt: skip


def test_schedules_nights_organizing_and_off_site_copies_work_on_postgresql() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    with postgresql() as address:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--reuse-db", *TESTS],
            env={**environment, "TEST_DATABASE_URL": address}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-10_000:]
    assert " passed in " in done.stdout
