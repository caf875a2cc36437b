"""Sources of gates: real files, commands, and servers that answer badly."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from cameras.gates.gate import Reading
from cameras.gates.sources import ClockSource, CommandSource, DiskSource, FileSource, HttpSource, value_at
from core.outgoing import OutgoingGuard
from tests.harness.processes.alive import is_alive
from tests.harness.waiting import PATIENCE_S, eventually

# Files


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rain"
    path.write_text(" 0.4\n")
    return path


def test_a_file_gives_its_text(file: Path) -> None:
    assert FileSource(file, 120).read() == Reading("0.4")


def test_an_old_file_is_unknown(file: Path) -> None:
    os.utime(file, (1000, 1000))
    assert FileSource(file, 120, lambda: 1120).read() == Reading("0.4")
    assert FileSource(file, 120, lambda: 1300).read() == Reading(None, "The file is 300 s old; allowed are 120 s.")


def test_the_age_of_a_file_from_the_future_is_unknown(file: Path) -> None:
    os.utime(file, (1000, 1000))
    assert FileSource(file, 120, lambda: 500).read().error == "The file is 500 s in the future; allowed are 120 s."


def test_a_missing_file_is_unknown_and_its_path_is_not_shown(file: Path) -> None:
    file.unlink()
    assert FileSource(file, 120).read() == Reading(None, "The file cannot be read (No such file or directory).")


def test_a_folder_a_pipe_and_a_long_file_are_no_values(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "long").write_bytes(b"1" * 70_000)
    assert FileSource(tmp_path, 120).read().error == "The file cannot be read (Is a directory)."
    assert FileSource(tmp_path / "pipe", 120).read() == Reading("")
    assert FileSource(tmp_path / "long", 120).read().error == "The file has more than 64 kB."


def test_bytes_that_are_no_text_do_not_fail(file: Path) -> None:
    file.write_bytes(b"\xff\x00")
    assert isinstance(FileSource(file, 120).read().value, str)


# Disk and clock


def test_a_disk_gives_its_free_space(tmp_path: Path) -> None:
    free_bytes, free_percent = (DiskSource(tmp_path, value).read().value for value in ("free_bytes", "free_percent"))
    assert isinstance(free_bytes, float)
    assert isinstance(free_percent, float)
    assert free_bytes > 1e6
    assert 0 < free_percent <= 100


def test_a_folder_that_is_away_has_no_free_space(tmp_path: Path) -> None:
    error = DiskSource(tmp_path / "away", "free_bytes").read().error
    assert error == "The free space of the disk cannot be read (No such file or directory)."


def test_the_clock_is_synchronised_or_not() -> None:
    assert ClockSource(lambda: "unsynchronised").read() == Reading("unsynchronised")
    assert ClockSource(lambda: "unknown").read().value is None


# Commands


def python(code: str, deadline_s: float = PATIENCE_S) -> CommandSource:
    return CommandSource([sys.executable, "-c", code], deadline_s)


def test_a_command_gives_its_output() -> None:
    assert CommandSource(["echo", "0.4"], PATIENCE_S).read() == Reading("0.4")


def test_a_command_runs_without_a_shell() -> None:
    assert CommandSource(["echo", "$HOME; echo 1"], PATIENCE_S).read() == Reading("$HOME; echo 1")


def test_a_command_gets_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SECRET_KEY", "secret")
    assert python("import os; print(os.environ.get('DJANGO_SECRET_KEY'))").read() == Reading("None")


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (["false"], "The command ended with status 1."),
        (["no-such-command"], "The command cannot be started: it was not found, or is not executable."),
        (["/etc/hostname"], "The command cannot be started: it was not found, or is not executable."),
        (["sh", "-c", "kill -9 $$"], "The command ended with status 137."),
    ],
    ids=["a failure", "not found", "not executable", "killed"],
)
def test_a_command_that_fails_is_unknown(command: list[str], error: str) -> None:
    found = CommandSource(command, PATIENCE_S).read()
    assert found.value is None
    assert found.error in {error, error.replace("137", "-9")}


def test_a_command_that_hangs_is_killed_at_its_deadline() -> None:
    found = python("import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)", 0.5).read()
    assert found.error == "The command has not ended within 0.5 s."


def test_what_a_command_has_started_is_killed_with_it(tmp_path: Path) -> None:
    """The command ends at once; its child keeps the output open."""
    pid_file = tmp_path / "pid"
    found = CommandSource(["sh", "-c", f"sleep 600 & echo $! > {pid_file}; echo 0.1"], PATIENCE_S).read()
    assert found == Reading("0.1")
    pid = int(pid_file.read_text())
    eventually(lambda: not is_alive(pid))


def test_a_fork_is_killed_at_the_deadline(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    forking = CommandSource(["sh", "-c", f"sleep 600 & echo $! > {pid_file}; sleep 600"], 0.5)
    # On a busy machine it may not come as far before its deadline.
    pid = int(eventually(lambda: forking.read() and pid_file.exists() and pid_file.read_text()))
    eventually(lambda: not is_alive(pid))


def test_endless_output_is_cut_off() -> None:
    assert CommandSource(["yes"], PATIENCE_S).read().error == "The output of the command has more than 64 kB."


def test_a_command_leaves_no_open_files_and_no_zombies() -> None:
    CommandSource(["true"], PATIENCE_S).read()
    before, zombies = len(os.listdir("/proc/self/fd")), zombie_children()
    for command in (["echo", "1"], ["false"], ["yes"], ["no-such-command"]):
        CommandSource(command, PATIENCE_S).read()
    assert len(os.listdir("/proc/self/fd")) <= before
    assert zombie_children() <= zombies


def zombie_children() -> set[psutil.Process]:
    return {child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE}


# HTTP


class Answers(BaseHTTPRequestHandler):
    server: AnswerServer

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        self.server.answer(self)

    def log_message(self, *_: Any) -> None: ...


class AnswerServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, answer: Callable[[Answers], None]) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.answer, self.requests = answer, list[tuple[str, dict[str, str]]]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(answer: Callable[[Answers], None]) -> Iterator[AnswerServer]:
    with AnswerServer(answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def text(content: str | bytes, status: int = 200, **headers: str) -> Callable[[Answers], None]:
    body = content.encode() if isinstance(content, str) else content

    def answer(request: Answers) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def source(url: str, path: str = "", deadline_s: float = PATIENCE_S, **options: Any) -> HttpSource:
    return HttpSource(url, path, options.get("headers", {}), deadline_s, options.get("guard") or OutgoingGuard())


def test_an_address_gives_its_text() -> None:
    with serving(text("0.4\n")) as server:
        assert source(f"{server.url}/rain?unit=mm", headers={"X-Key": "abc"}).read() == Reading("0.4")
    [(path, headers)] = server.requests
    assert (path, headers["X-Key"], headers["User-Agent"]) == ("/rain?unit=mm", "abc", "Skycam")


def test_an_address_gives_a_value_of_its_json() -> None:
    with serving(text('{"weather": [{"rain": 0.4}]}')) as server:
        assert source(server.url, "weather.0.rain").read() == Reading("0.4")


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ('{"a": true}', Reading("true")),
        ('{"a": "open"}', Reading("open")),
        ('{"a": 1e400}', Reading("inf")),
        ('{"a": null}', Reading(None, "The answer has neither a number nor a text at a.")),
        ('{"b": 1}', Reading(None, "The answer has no value at a.")),
        ('"a"', Reading(None, "The answer has no value at a.")),
        ("[1]", Reading(None, "The answer has no value at a.")),
        ("<html>", Reading(None, "The answer is not JSON.")),
        ("[" * 60_000, Reading(None, "The answer is not JSON.")),
    ],
)
def test_a_value_of_json_is_a_number_or_a_word(document: str, found: Reading) -> None:
    assert value_at(document, "a") == found


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (text("0.1", 500), "The address answered with the status 500."),
        (text("", 302, Location="http://192.0.2.1/"), "The address answered with the status 302."),
        (text(b"1" * 70_000), "The answer has more than 64 kB."),
        (lambda request: request.wfile.write(b"SSH-2.0-x\r\n\r\n"), "The address cannot be read (BadStatusLine)."),
        (lambda request: request.connection.close(), "The address cannot be read (RemoteDisconnected)."),
    ],
    ids=["an error", "a redirect", "a long answer", "no HTTP", "nothing"],
)
def test_a_bad_answer_is_unknown(answer: Callable[[Answers], None], error: str) -> None:
    with serving(answer) as server:
        assert source(server.url).read() == Reading(None, error)


def test_an_answer_that_comes_byte_by_byte_ends_at_the_deadline() -> None:
    ended = threading.Event()

    def drip(request: Answers) -> None:
        while not ended.wait(0.05):  # time: the source is slow
            request.wfile.write(b"H")

    with serving(drip) as server:
        assert source(server.url, deadline_s=0.5).read().error == "The address has not answered within 0.5 s."
        ended.set()


def test_a_server_that_is_silent_or_away_is_unknown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert source(url, deadline_s=0.3).read().error == "The address has not answered within 0.3 s."
    assert source(url).read().error == "The address cannot be read (Connection refused)."


def test_the_guard_of_outgoing_connections_is_asked_for_each_reading() -> None:
    with serving(text("0.1")) as server:
        guard = OutgoingGuard(refused_ranges=["127.0.0.0/8"])
        assert source(server.url, guard=guard).read().error.startswith("The address leads to an address of")
        own = OutgoingGuard(own_ports=[server.server_address[1]])
        assert source(server.url, guard=own).read().error.startswith("The address leads to a port of the station")
    assert server.requests == []
    assert source("http://169.254.169.254/").read().error.startswith("The address leads to a cloud metadata address")
