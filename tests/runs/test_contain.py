"""Whatever ends a run, none of its processes, ports and files are left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.harness.project import PROJECT
from tests.harness.runs.folder import CONTAINED
from tests.harness.waiting import PATIENCE_S, eventually

CONTAIN = str(PROJECT / "scripts" / "contain.py")
pytestmark = pytest.mark.slow
TESTS = "tests/runs/running_station.py"
SET_BY_A_RUN = {CONTAINED, "PYTEST_XDIST_WORKER", "DJANGO_SETTINGS_MODULE"}
TEMPORARY = "/tmp"
"""Not that of this run: the paths of the sockets in a folder inside of it would be too long."""
LEAVES_MUCH = """
setsid sleep 600 &
(trap "" TERM INT HUP; sleep 600) &
touch "$TMPDIR/file"
mkdir "/dev/shm/$(basename "$TMPDIR")"
echo "$TMPDIR"
"""
SHELL = ("sh", "-c", f"{LEAVES_MUCH} touch $RUN_READY; sleep 600")
PYTEST = (sys.executable, "-m", "pytest", "-n", "1", "-p", "no:cacheprovider")


class ContainedRun:
    """A run, and all that it has started."""

    def __init__(self, folder: Path, *command: str) -> None:
        self.ready, self.report = folder / "ready", folder / "output"
        environment = {name: value for name, value in os.environ.items() if name not in SET_BY_A_RUN}
        environment |= {"TMPDIR": TEMPORARY, "RUN_READY": str(self.ready)}
        self.output = self.report.open("w+")
        self.process = psutil.Popen(
            [sys.executable, CONTAIN, *command],
            cwd=PROJECT,
            env=environment,
            stdout=self.output,
            stderr=self.output,
            start_new_session=True,
        )
        self.started: set[psutil.Process] = set()

    def look(self) -> int:
        """How many processes it has started, once it is ready; remembers them."""
        assert self.process.poll() is None, self.report.read_text()
        if self.ready.exists():
            self.started |= set(self.process.children(recursive=True))
        return len(self.started)

    def named(self, words: str) -> psutil.Process:
        """Its first process with these words in the command."""
        return next(one for one in sorted(self.started, key=lambda one: one.pid) if words in command_of(one))

    def folder(self) -> Path:
        return Path(self.named("contain.py").environ()["TMPDIR"])

    def ports(self) -> set[int]:
        found = set[int]()
        for process in self.started:
            with suppress(psutil.Error):
                found |= {one.laddr.port for one in process.net_connections("tcp") if one.status == "LISTEN"}
        return found


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., ContainedRun]]:
    made: list[ContainedRun] = []

    def start(*command: str) -> ContainedRun:
        made.append(ContainedRun(tmp_path, *command))
        return made[-1]

    yield start
    for one in made:
        # Not killed: of a test that has failed, it still has to remove the temporary folder.
        with suppress(psutil.NoSuchProcess):
            one.process.terminate()
        one.process.wait()
        for process in one.started:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        one.output.close()


ENDS: dict[str, Callable[[ContainedRun], None]] = {
    "Ctrl-C": lambda run: run.process.send_signal(signal.SIGINT),
    "SIGTERM": lambda run: run.process.send_signal(signal.SIGTERM),
    "the terminal is closed": lambda run: run.process.send_signal(signal.SIGHUP),
    "kill -9 of what the shell started": lambda run: run.process.kill(),
    "kill -9 of what ends the rest": lambda run: run.named("-S").kill(),
    "kill -9 of the whole group": lambda run: os.killpg(run.process.pid, signal.SIGKILL),
    "kill -9 of the command": lambda run: run.named("sh -c").kill(),
}


@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_left_of_a_run_that_is_ended(end: str, run: Callable[..., ContainedRun]) -> None:
    check_end(run(*SHELL), ENDS[end], processes=5)


def kill_all_called_pytest(run: ContainedRun) -> None:
    for process in {run.process, *run.started}:
        if "pytest" in command_of(process):
            process.kill()


def test_nothing_is_left_of_a_station_when_all_that_is_called_pytest_is_killed(
    run: Callable[..., ContainedRun],
) -> None:
    check_end(run(*PYTEST, f"{TESTS}::test_a_station_runs"), kill_all_called_pytest, processes=12, ports=2)


def kill_worker_and_interrupt(run: ContainedRun) -> None:
    """The run itself would go on."""
    run.named("xdist running").kill()
    run.process.send_signal(signal.SIGINT)


@pytest.mark.prove
def test_nothing_is_left_of_a_worker_that_is_killed(run: Callable[..., ContainedRun]) -> None:
    check_end(run(*PYTEST, f"{TESTS}::test_servers_run"), kill_worker_and_interrupt, processes=10, ports=1)


def check_end(run: ContainedRun, end: Callable[[ContainedRun], None], processes: int, ports: int = 0) -> None:
    """End a run that has at least this number of processes and of open ports."""
    eventually(lambda: run.look() >= processes, lambda: f"it has started all: {run.started}")
    folder, listening = run.folder(), run.ports()
    assert len(listening) >= ports
    end(run)
    eventually(lambda: not alive(run.started), lambda: alive(run.started))
    eventually(lambda: not folder.exists(), "the temporary folder is removed")
    assert [port for port in listening if is_listening(port)] == []


@pytest.mark.prove
def test_nothing_is_left_of_a_fixture_that_crashes(run: Callable[..., ContainedRun]) -> None:
    crashing = run(*PYTEST, f"{TESTS}::test_a_fixture_crashes")
    crashing.process.wait(2 * PATIENCE_S)
    assert "the fixture crashes" in crashing.report.read_text()
    folder, *pids = crashing.ready.read_text().split()
    assert len(pids) > 5
    assert [pid for pid in pids if psutil.pid_exists(int(pid))] == []
    assert not Path(folder).exists()


def test_the_status_of_the_command_is_that_of_the_run(tmp_path: Path) -> None:
    statuses = [contained("sh", "-c", script).returncode for script in ("true", "exit 3", "kill -9 $$")]
    assert statuses == [0, 3, 128 + 9]


def test_a_command_that_is_not_there_is_said_in_one_line() -> None:
    done = contained("no-such-command")
    assert (done.returncode, done.stderr) == (1, "no-such-command cannot be started: No such file or directory.\n")


def test_what_a_command_leaves_is_ended_when_it_ends() -> None:
    done = contained("sh", "-c", LEAVES_MUCH)
    folder = Path(done.stdout.strip())
    assert done.returncode == 0
    assert not folder.exists()
    assert not Path("/dev/shm", folder.name).exists()


def test_a_folder_that_cannot_be_used_is_said_in_one_line(tmp_path: Path) -> None:
    done = contained("true", TMPDIR=str(tmp_path / "none"), HOME="/nowhere")
    assert done.returncode == 0  # Python falls back to /tmp


def contained(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, CONTAIN, *command], env=os.environ | variables, capture_output=True, text=True, check=False,
        timeout=PATIENCE_S,
    )  # fmt: skip


def command_of(process: psutil.Process) -> str:
    """Empty for one that has ended."""
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def alive(processes: set[psutil.Process]) -> list[str]:
    """What is running of them: a process that has ended may wait for its parent."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {command_of(process)[:80]}")
    return found


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
