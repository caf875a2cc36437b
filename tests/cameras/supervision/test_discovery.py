"""Discovery that fails: its callers get an answer, and the next discovery works."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cameras.commands.control import sent_command, wait_for_answer
from cameras.discovery import local as local_discovery
from cameras.errors import ControlError
from cameras.supervision.camera_slot import Hardware
from cameras.supervision.command_results import BrokerAnswers
from cameras.supervision.discovery import DiscoveryRunner
from tests.harness.rows.archive import Archive
from tests.harness.supervision.hosts import slots_of
from tests.harness.waiting import PATIENCE_S


def start_script(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.django_db
def test_a_discovery_that_fails_is_answered_and_does_not_end_later_ones(tmp_path: Path, valkey: Any) -> None:
    archive = Archive(tmp_path)
    slots = slots_of(archive.desired())
    discovery = DiscoveryRunner("main", slots, BrokerAnswers())
    [slot] = slots.values()
    slot.child, slot.hardware = Any, Hardware(place="no\0place")  # type: ignore[assignment]
    discovery.request_discovery("first")
    with pytest.raises(ControlError, match="Camera discovery failed"):
        wait_for_answer(sent_command("first", PATIENCE_S))
    slot.hardware = Hardware()
    discovery.request_discovery("second")
    assert wait_for_answer(sent_command("second", PATIENCE_S))["host"] == "main"


def test_a_library_that_ends_without_an_answer_is_a_problem_of_its_kind() -> None:
    with pytest.raises(local_discovery.DiscoveryFailed, match="ended without an answer"):
        local_discovery.read_result(start_script("pass"), time.monotonic() + PATIENCE_S)


def test_kinds_that_hang_are_waited_for_together_and_do_not_hide_one_that_has_answered() -> None:
    hangs, answered = start_script("import time; time.sleep(600)"), start_script("print([])")
    os.waitid(os.P_PID, answered.pid, os.WEXITED | os.WNOWAIT)
    began = time.monotonic()
    with pytest.raises(local_discovery.DiscoveryFailed, match="did not answer"):
        local_discovery.read_result(hangs, began)
    assert local_discovery.read_result(answered, began) == []
