"""Runs a command, and ends all that it started as soon as it ends: `python scripts/contain.py COMMAND ARGUMENT...`.

The exit status is that of the command. Whatever ends the command, Ctrl-C, SIGTERM or SIGKILL, none of its processes and
none of its temporary files are there a few seconds later. Both processes of this program adopt what loses its parent
(PR_SET_CHILD_SUBREAPER, prctl(2)), so neither daemons nor processes in sessions of their own are left:

    contain.py COMMAND       waits for the inner one; if that is killed, kills the rest and removes the files
      contain.py             starts the command, has TMPDIR removed, and kills the rest when the command ends
        COMMAND

Signals are passed on to the command. It gets GRACE_S to end by itself, then it is killed. The inner process has a group
of its own, so that a kill of the whole job leaves it. Linux only.

It imports nothing of the project, although the launcher finds its orphans in the same way
(`skycam_project/launch/child.py`): that import takes a second.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

INSIDE = "CONTAINED_BY"
"""Set for the command and all that it starts."""
COMMAND = "CONTAINED_COMMAND"
"""The command as JSON, for the inner process: `pkill -f` must not find the words of the command in its command line."""
GRACE_S = 2.0
"""For the command, after a signal that ends it: it says what has failed so far."""
CLEANUP_S = 0.5
"""For what the command has left, between SIGTERM and SIGKILL: PostgreSQL frees its shared memory."""
KILL_S = 10.0
"""For processes that are killed and wait for a disk."""
POLL_S = 0.2
PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>; Python's library has no prctl()
PR_SET_CHILD_SUBREAPER = 36
COMMAND_KNOWS = signal.SIGUSR1
"""To the inner process: the command has its signal already."""
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, COMMAND_KNOWS)
KILLED = 128
"""A shell's exit status for a command that a signal ended, less the number of the signal."""


def main() -> int:
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.pthread_sigmask(signal.SIG_BLOCK, [*ENDING, signal.SIGCHLD])
    return inner(json.loads(os.environ.pop(COMMAND))) if COMMAND in os.environ else outer(sys.argv[1:])


def outer(command: list[str]) -> int:
    folder = temporary_folder()
    environment = os.environ | {INSIDE: str(os.getpid()), COMMAND: json.dumps(command), "TMPDIR": folder}
    try:
        return follow(start([sys.executable, "-S", __file__], environment))
    finally:
        end_all(folder)


def inner(command: list[str]) -> int:
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    folder = os.environ["TMPDIR"]
    try:
        if os.getppid() != int(os.environ[INSIDE]):  # it has ended before the line above
            return KILLED + signal.SIGKILL
        pid = start(command, os.environ)
        os.setpgid(0, 0)  # kill -9 of the whole group, as of a shell's job, leaves this process
        return follow(pid)
    finally:
        end_all(folder)


def temporary_folder() -> str:
    """With a short name: the path of a socket may have 107 characters."""
    try:
        folder = tempfile.mkdtemp(prefix="sky-")
    except OSError as error:
        raise SystemExit(
            f"No temporary folder can be made: {error.strerror}. Free space in {tempfile.gettempdir()}, "
            "or set TMPDIR to a folder on another disk."
        ) from None
    os.chmod(folder, 0o711)  # PostgreSQL's server runs as another user, whose files are in it
    return folder


def start(command: list[str], environment: Mapping[str, str]) -> int:
    """The pid. The command gets the signals that this process waits for, and SIGINT also if a shell that has started
    this one in the background ignores it."""
    try:
        return os.posix_spawnp(command[0], command, environment, setsigmask=[], setsigdef=ENDING)
    except OSError as error:
        raise SystemExit(f"{command[0]} cannot be started: {error.strerror}.") from None


def follow(pid: int) -> int:
    """Pass signals on to the process until it ends; after the first one, for GRACE_S at most. Returns its status."""
    kill_at = None
    while (status := status_of(pid)) is None:
        received = signal.sigtimedwait([*ENDING, signal.SIGCHLD], POLL_S)
        if received is not None and received.si_signo in ENDING:
            kill_at = kill_at or time.monotonic() + GRACE_S
            # Ctrl-C of a terminal has no sender: the kernel sends it to the command, too, and not to the inner process.
            from_terminal = received.si_signo == signal.SIGINT and not received.si_pid
            if received.si_signo != COMMAND_KNOWS:
                send(pid, COMMAND_KNOWS if from_terminal else received.si_signo)
        if kill_at is not None and time.monotonic() > kill_at:
            send(pid, signal.SIGKILL)
    return status if status >= 0 else KILLED - status


def status_of(pid: int) -> int | None:
    """The exit status of the process, or minus the signal; None while it runs. Reaps what else has ended."""
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended in {0, pid}:
            return os.waitstatus_to_exitcode(status) if ended else None


def end_all(folder: str) -> None:
    """End all processes below this one, then remove the folder, and that of the same name in memory."""
    for pid in descendants():
        send(pid, signal.SIGTERM)
    deadline = time.monotonic() + CLEANUP_S
    while reap() and time.monotonic() < deadline:
        time.sleep(0.02)
    deadline = time.monotonic() + KILL_S
    while reap() and time.monotonic() < deadline:
        for pid in descendants():
            send(pid, signal.SIGKILL)
        time.sleep(0.02)
    for place in (Path(folder), Path("/dev/shm", Path(folder).name)):
        shutil.rmtree(place, ignore_errors=True)
        if place.exists():
            say(f"{place} could not be removed: remove it.")
    if left := descendants():
        numbers = " ".join(map(str, left))
        say(f"These processes could not be killed, because they wait for a disk or are another user's: {numbers}.")


def say(what: str) -> None:
    print(f"contain.py: {what}", file=sys.stderr)


def reap() -> bool:
    """Reap the children that have ended. Whether there are others."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def descendants() -> list[int]:
    parents = dict(filter(None, map(parent_of, Path("/proc").glob("[0-9]*"))))
    found, added = {os.getpid()}, {os.getpid()}
    while added := {pid for pid, parent in parents.items() if parent in added} - found:
        found |= added
    return sorted(found - {os.getpid()})


def parent_of(path: Path) -> tuple[int, int] | None:
    """The process and its parent; None for one that has ended."""
    try:
        # "PID (NAME) STATE PARENT ...", where the name of the program may contain anything.
        return int(path.name), int((path / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:
        return None


def send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return  # it has ended, or `end_all` says that it is left


def prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    sys.exit(main())
