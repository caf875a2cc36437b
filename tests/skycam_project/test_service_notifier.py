"""What the launcher reports to a systemd that does not read its messages for a while."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from skycam_project.launch.systemd import ServiceNotifier
from tests.harness.waiting import PATIENCE_S

MANY = 50


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "notify"))
        bound.setblocking(False)
        yield bound


@pytest.fixture
def notifier(systemd: socket.socket) -> ServiceNotifier:
    return ServiceNotifier({"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "30000"}, lambda: "all run")


def received(systemd: socket.socket) -> list[list[str]]:
    messages: list[list[str]] = []
    with suppress(BlockingIOError):
        while True:
            messages.append(systemd.recv(4096).decode().splitlines())
    return messages


async def test_a_launcher_does_not_wait_for_a_systemd_that_reads_nothing(
    notifier: ServiceNotifier, systemd: socket.socket
) -> None:
    for _ in range(MANY):
        notifier.ready()
    assert 0 < len(received(systemd)) < MANY
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        reporting = group.create_task(notifier.report())
        sent = await asyncio.get_running_loop().sock_recv(systemd, 4096)
        reporting.cancel()
    assert sent.decode().splitlines()[-2:] == ["STATUS=all run", "WATCHDOG=1"]
    assert "READY=1" in sent.decode().splitlines()


def test_what_was_sent_is_not_sent_again(notifier: ServiceNotifier, systemd: socket.socket) -> None:
    notifier.ready()
    notifier.stopping()
    assert received(systemd) == [["READY=1", "STATUS=all run"], ["STOPPING=1", "STATUS=stopping"]]


def test_a_systemd_that_is_away_gets_the_state_once_it_is_back(notifier: ServiceNotifier, tmp_path: Path) -> None:
    (tmp_path / "notify").unlink()
    notifier.ready()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as again:
        again.bind(str(tmp_path / "notify"))
        again.setblocking(False)
        notifier.stopping()
        assert received(again) == [["READY=1", "STOPPING=1", "STATUS=stopping"]]
