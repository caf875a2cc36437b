"""Kills on two hosts: no frame that a running camera process has written is lost, and each planned capture has one
outcome."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.project import PROJECT
from tests.harness.scenarios.two_hosts import TwoHosts, two_hosts

FEW, MANY = 8, int(os.environ.get("TWO_HOSTS_FAULTS", "240"))
PAGE = PROJECT / "docs" / "measurements" / "two-hosts-kills.md"


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[TwoHosts]:
    with two_hosts(tmp_path) as hosts:
        hosts.start_work()
        yield hosts


def inconsistencies_after(hosts: TwoHosts, faults: int) -> list[str]:
    hosts.disturb(faults)
    hosts.stop_and_settle()
    print(hosts.summary())
    return hosts.alpha.spools.inconsistencies() + hosts.frame_errors() + hosts.lost_of_written()


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_what_two_hosts_record_and_capture_survives_kills_of_their_parts(hosts: TwoHosts) -> None:
    assert inconsistencies_after(hosts, FEW) == []


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_hundreds_of_faults_lose_no_frame_and_no_capture(hosts: TwoHosts) -> None:
    assert inconsistencies_after(hosts, MANY) == []
    PAGE.write_text(f"# Kills of two hosts\n\n{hosts.summary()}\n")
