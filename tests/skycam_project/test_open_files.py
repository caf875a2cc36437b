"""How many files a process may have open, of which each connection is one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from core.open_files import connections_within, hard_limit, hard_limit_of
from skycam_project import checks
from skycam_project.cli.diagnostics import run_checks
from skycam_project.cli.station import Station
from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S

LIMITED = ("sh", "-c", 'ulimit -n "$0"; exec "$@"')
CONNECTIONS = """
from skycam_project.config.web import LimitsConfig
from skycam_project.launch.protocols import ConnectionLimiter
print(ConnectionLimiter(LimitsConfig(), []).most)
"""
OPEN_FILES = {"open files": "skycam_project.cli.diagnostics.station:open_files"}


@pytest.mark.parametrize(("limit", "connections"), [(96, 48), (256, 128), (512, 256), (1024, 768), (65_536, 65_280)])
def test_the_reserve_is_a_share_of_the_limit(limit: int, connections: int) -> None:
    assert connections_within(limit) == connections


def test_a_web_server_with_96_files_takes_connections() -> None:
    command = [*LIMITED, "96", sys.executable, "-c", CONNECTIONS]
    found = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    assert found.stdout == "48\n"


def test_too_few_files_are_found_by_a_system_check() -> None:
    [found] = checks.check_open_files(256)
    assert found.id == "skycam.W011"
    assert "at most 256 files, so the web server takes only 128 connections" in found.msg
    assert "ulimit -n 65536" in str(found.hint)
    assert list(checks.check_open_files(1024)) == []


def test_the_limit_of_another_process_is_read() -> None:
    assert hard_limit_of(os.getpid()) == hard_limit()
    with subprocess.Popen([*LIMITED, "96", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        # Its answer shows that it has its limit.
        print("ready", file=process.stdin, flush=True)
        process.stdout.readline()
        assert hard_limit_of(process.pid) == 96


def test_a_process_that_has_ended_has_no_limit() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait(PATIENCE_S)
    assert hard_limit_of(process.pid) is None


def test_doctor_says_how_many_files_may_be_open() -> None:
    [found] = run_checks(OPEN_FILES, Station())
    assert (found.state, found.detail) == ("ok", f"Each process may open {hard_limit():,} files.")
