"""Leases, orders and expiries go by the clock of the database, whatever the clock of a machine says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from core import database_clock
from tests.harness.postgresql import postgresql
from tests.harness.project import PROJECT

LEASED = """
INSERT INTO cameras_camerahost (name, machine, leased_until, version, site)
VALUES ('dome', 'another', now() + interval '20 s', '', '{}');
INSERT INTO core_job (id, kind, subject, host, arguments, state, unique_key, done, sentence, attempts, not_before,
    worker, lease_until, cancel_requested_by, error, requested_by, created_at, camera_uuid, camera, more_cameras)
VALUES (gen_random_uuid(), 'integrity', 'host', 'dome', '{}', 'running', '', 0, '', 1, now(), 'w',
    now() + interval '20 s', '', '', '', now(), '', '', '');
INSERT INTO monitoring_alert (id, key, severity, state, host, opened_at, last_seen_at, count, acknowledged_by, data,
    message, mentions, camera_uuid, camera, more_cameras)
VALUES (gen_random_uuid(), 'host.taken:dome', 'critical', 'open', 'dome', now(), now(), 1, '', '{}', '', '[]', '', '',
    '');
INSERT INTO monitoring_alertsilence (id, key, key_prefix, reason, created_by, created_at, ends_at, ended_by,
    camera_uuid, camera, more_cameras)
VALUES (gen_random_uuid(), 'dust', '', '', '', now(), now() + interval '20 s', '', '', '', '');
INSERT INTO django_session (session_key, session_data, expire_date) VALUES ('s', '', now() + interval '20 s');
"""


@pytest.fixture
def database() -> Iterator[str]:
    with postgresql() as address:
        with psycopg.connect(address) as connection:
            connection.execute(LEASED.encode())
        yield address


def machine_off_by(seconds: int, database: str, data: Path) -> dict[str, Any]:
    """What a machine finds whose clock is off by so much, while the leases of others have 20 s left."""
    command = [sys.executable, "-m", "tests.harness.races.wrong_clock_process", str(seconds)]
    environment = {**os.environ, "SKYCAM_DATA": str(data), "DATABASE_URL": database}
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("seconds", [60, -60, 7200])
def test_a_machine_whose_clock_is_off_takes_no_lease_and_delays_no_job(
    seconds: int, database: str, tmp_path: Path
) -> None:
    found = machine_off_by(seconds, database, tmp_path)
    assert found.pop("estimates") < 1
    assert found == {
        "takes_name": False, "takes_job": 0, "moves_camera": False, "takes_channel": 0, "measures": seconds,
        "job_is_due": True, "lease_left_s": 20, "closes_alert": 0, "ends_silence": 0, "ends_sign_in": 0,
    }  # fmt: skip


@pytest.mark.django_db
def test_a_database_in_a_file_has_the_clock_of_its_process() -> None:
    before = timezone.now()
    assert before <= database_clock.now() <= database_clock.read_now() <= database_clock.estimate() <= timezone.now()
    assert database_clock.measure_offset().ahead_s == 0.0
