"""Parts are forked from one process; each is the launcher's own child, and needs the others as little as before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from skycam_project.launch import restart
from tests.harness.project import PROJECT
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

FORKED = ("web", "worker", "jobs", "beat")
ALONE = """
import os
from skycam_project.launch.fork_server import preload
preload()
print(len(os.listdir("/proc/self/task")))
"""
IMPATIENT = """
import asyncio, os, sys
from skycam_project.launch.child import Child
from skycam_project.launch.forks import ForkServer

async def main():
    forks = ForkServer(os.environ, print, lambda: None, timeout_s=0.01)
    command = [sys.executable, "-m", "skycam_project.launch.worker"]
    try:
        await Child.start(forks.forked("skycam worker", command, {}), print, lambda: None)
    except OSError as error:
        print("refused:", error)
    await forks.close()

asyncio.run(main())
"""

ORPHAN = """
import subprocess, time
from skycam_project.launch.orphans import Orphans, children
orphans = Orphans()
subprocess.run(["sh", "-c", "sleep 600 > /dev/null & exit"])
print("adopted" if len(children()) == 1 else children())
while children():
    orphans.end(set())
    time.sleep(0.01)
print("ended")
"""
BEFORE = """
import os, signal
from skycam_project.launch.orphans import Orphans, children
Orphans().end(set())
left = children()
print(len(left))
[os.kill(pid, signal.SIGTERM) for pid in left]
"""


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("forked") / "data")
    try:
        yield station.up()
    finally:
        station.ensure_stopped()


def fork_server(station: Station) -> psutil.Process:
    return next(one for one in station.processes() if "skycam_project.launch.fork_server" in one.cmdline())


def test_each_part_is_a_child_of_the_launcher(station: Station) -> None:
    launcher, *_ = station.processes()
    assert {psutil.Process(pid).ppid() for pid in station.pids().values()} == {launcher.pid}


def test_each_part_leads_a_session_of_its_own(station: Station) -> None:
    pids = station.pids().values()
    assert [os.getsid(pid) for pid in pids] == [*pids]


def test_a_part_is_named_in_the_list_of_processes(station: Station) -> None:
    assert station.part("web").cmdline()[0] == "skycam web"


def test_no_secret_is_in_the_environment_of_a_forked_part(station: Station) -> None:
    password = station.environment["SKYCAM_ADMIN_PASSWORD"]
    environments = [Path(f"/proc/{station.pids()[name]}/environ").read_text() for name in FORKED]
    assert [text for text in environments if password in text] == []


def test_parts_go_on_without_the_fork_server_and_the_next_one_starts_another(station: Station) -> None:
    before, killed = station.pids(), fork_server(station)
    killed.kill()
    eventually(lambda: not killed.is_running(), 10, "the fork server is reaped")
    row = restart(station.config, "beat")
    assert row["state"] == "running"
    assert {name: pid for name, pid in station.pids().items() if name != "beat"} == {
        name: pid for name, pid in before.items() if name != "beat"
    }
    assert fork_server(station).pid != killed.pid


def test_a_forked_part_that_is_killed_is_reaped_and_forked_again(station: Station) -> None:
    part = station.part("jobs")
    part.kill()
    row = station.back_with("jobs", "jobs killed by SIGKILL", within_s=20)
    assert row["pid"] != part.pid
    assert not psutil.pid_exists(part.pid)


def test_a_program_whose_parent_has_ended_is_ended() -> None:
    done = subprocess.run([sys.executable, "-c", ORPHAN], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "adopted\nended\n", done.stderr


def test_the_programs_that_a_shell_started_before_are_left_alone() -> None:
    script = ["sh", "-c", 'sleep 600 > /dev/null & exec "$@"', "-", sys.executable, "-c", BEFORE]
    done = subprocess.run(script, cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "1\n", done.stderr


def test_the_preloaded_modules_start_no_thread(station: Station) -> None:
    assert station.run("-c", ALONE) == "1\n"


def test_a_fork_server_that_does_not_answer_is_killed(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "SKYCAM_DATA": str(tmp_path / "data")}
    done = subprocess.run(
        [sys.executable, "-c", IMPATIENT], env=environment, cwd=PROJECT, capture_output=True, text=True, timeout=60
    )
    assert "refused: the fork server did not answer within 0.01 s" in done.stdout
    assert f"the fork server ended with status {-signal.SIGKILL}" in done.stdout
