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
from skycam_project.launch.parts import PARTS
from tests.harness.processes.alive import command_of
from tests.harness.project import PROJECT
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import PATIENCE_S, eventually

ALONE = """
import os
from skycam_project.launch.fork_server import preload
before = len(os.listdir("/proc/self/fd"))
preload()
print(len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd")) - before)
"""
IMPATIENT = """
import asyncio, os, sys
from skycam_project.launch.child import Child
from skycam_project.launch.forks import ForkServer

async def main():
    forks = ForkServer(os.environ, print, lambda: None, start_s=0.01)
    command = [sys.executable, "-m", "skycam_project.launch.programs", "cameras"]
    try:
        await Child.start(forks.forked("skycam worker", command, {}), print, lambda: None)
    except OSError as error:
        print("refused:", error)
    await forks.close()

asyncio.run(main())
"""

ORPHAN = """
import subprocess, time
from skycam_project.launch.child import Orphans, children
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
from skycam_project.launch.child import Orphans, children
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
    """As soon as it runs: it is started by the first part that it is to fork."""
    return next(iter(eventually(lambda: [one for one in station.processes() if is_fork_server(one)], "a fork server")))


def is_fork_server(process: psutil.Process) -> bool:
    return "skycam_project.launch.fork_server" in command_of(process)


def test_each_part_is_a_child_of_the_launcher_or_of_the_part_that_starts_it(station: Station) -> None:
    pids = station.running_pids()
    parents = {"": station.processes()[0].pid, **pids}
    assert {name: psutil.Process(pid).ppid() for name, pid in pids.items()} == {
        name: parents[PARTS[name].parent] for name in pids
    }


def test_each_part_leads_a_session_of_its_own(station: Station) -> None:
    pids = station.running_pids().values()
    assert [os.getsid(pid) for pid in pids] == [*pids]


def test_a_part_is_named_in_the_list_of_processes(station: Station) -> None:
    assert station.part("web").cmdline()[0] == "skycam web"


def test_the_first_password_is_not_in_the_memory_from_which_parts_are_forked(station: Station) -> None:
    assert station.environment["SKYCAM_ADMIN_PASSWORD"].encode() not in memory(fork_server(station).pid)


def memory(pid: int) -> bytes:
    """All writable memory of a process: its heap, its stack and its environment."""
    ranges = [
        line.split()[0].split("-") for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if " rw" in line
    ]
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
        return b"".join(os.pread(file.fileno(), int(end, 16) - int(start, 16), int(start, 16)) for start, end in ranges)


def test_parts_go_on_without_the_fork_server_and_the_next_one_starts_another(station: Station) -> None:
    before, killed = station.running_pids(), fork_server(station)
    killed.kill()
    eventually(lambda: not killed.is_running(), "the fork server is reaped")
    row = restart(station.config, "beat")
    assert row["state"] == "running"
    after = station.running_pids()
    assert {name for name in before if before[name] != after[name]} == {"beat"}
    assert fork_server(station).pid != killed.pid


def test_a_fork_server_that_hangs_delays_a_restart_and_is_replaced(station: Station) -> None:
    hung = fork_server(station)
    hung.suspend()
    station.part("beat").kill()
    row = station.back_with("beat", "beat could not be started: the fork server did not answer within 10 s")
    assert row["state"] == "running"
    assert fork_server(station).pid != hung.pid


def test_a_forked_part_that_is_killed_is_reaped_and_forked_again(station: Station) -> None:
    part = station.part("jobs")
    part.kill()
    row = station.back_with("jobs", "jobs killed by SIGKILL")
    assert row["pid"] != part.pid
    assert not psutil.pid_exists(part.pid)


def test_a_part_below_the_worker_stands_by_and_after_a_kill_is_executed(station: Station) -> None:
    """The worker has threads by then, and must not fork."""
    station.part("worker").kill()
    station.back_with("worker", "worker killed by SIGKILL")
    sensors = station.part("sensors")
    assert sensors.cmdline()[0] == "skycam sensors"
    sensors.kill()
    station.back_with("sensors", "sensors killed by SIGKILL")
    assert "skycam_project.launch.below" in station.part("sensors").cmdline()


def test_what_stands_by_ends_with_the_worker(station: Station) -> None:
    below = [station.part(name) for name in ("cameras", "sensors")]
    station.part("worker").kill()
    eventually(lambda: not any(one.is_running() for one in below), "both have ended")
    station.running_pids()


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Without variables, it has those of the tests."""
    return subprocess.run(
        command, cwd=PROJECT, env=variables or None, capture_output=True, text=True, timeout=PATIENCE_S
    )


def test_a_program_whose_parent_has_ended_is_ended() -> None:
    done = run(sys.executable, "-c", ORPHAN)
    assert done.stdout == "adopted\nended\n", done.stderr


def test_the_programs_that_a_shell_started_before_are_left_alone() -> None:
    done = run("sh", "-c", 'sleep 600 > /dev/null & exec "$@"', "-", sys.executable, "-c", BEFORE)
    assert done.stdout == "1\n", done.stderr


def test_the_preloaded_modules_start_no_thread_and_leave_nothing_open(station: Station) -> None:
    """Half of a thread, a connection or a database file would be in each part."""
    assert station.run("-c", ALONE) == "1 0\n"


def test_a_fork_server_that_does_not_answer_is_killed(tmp_path: Path) -> None:
    done = run(sys.executable, "-c", IMPATIENT, PATH=os.environ["PATH"], SKYCAM_DATA=str(tmp_path / "data"))
    assert "refused: the fork server did not answer within 0.01 s" in done.stdout
    assert f"the fork server ended with status {-signal.SIGKILL}" in done.stdout


def test_a_fork_server_that_cannot_start_ends_the_station_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "setproctitle.py").write_text("raise ImportError('this version is broken')\n")
    station = Station(tmp_path / "data", PYTHONPATH=str(tmp_path / "broken"))
    try:
        assert station.start().status() == 1
        reason = "The station could not be prepared: the fork server has ended: ImportError: this version is broken."
        assert f"skycam: {reason}" in station.output()
    finally:
        station.ensure_stopped()


@pytest.mark.prove
def test_a_station_stops_while_a_part_waits_for_a_hung_fork_server(tmp_path: Path) -> None:
    station = Station(tmp_path / "data", **ANY_NUMBER_OF_KILLS).up()
    try:
        fork_server(station).suspend()
        station.part("beat").kill()
        eventually(lambda: station.parts()["beat"]["state"] == "starting", "beat waits for the fork server")
        assert station.stop() == 0
    finally:
        station.ensure_stopped()
