"""docs/cameras/network-cameras.md is correct."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cameras.drivers.credentials import REDACTED
from cameras.drivers.network import NetworkDriver, driver, errors, ffmpeg_connection, jpeg_connection, picture_feed
from cameras.drivers.network.addresses import PROTOCOLS, NetworkTimes
from cameras.drivers.network.jpeg_connection import INTERVAL_S, MOST_BYTES
from core import outgoing
from tests.harness.project import PROJECT

PAGE = PROJECT / "docs" / "cameras" / "network-cameras.md"
TEXT = PAGE.read_text()
ADDRESSES = sorted({address for address in re.findall(r"[a-z]+://[^\s`]+", TEXT) if REDACTED not in address})
MESSAGES = re.findall(r"^\| ([a-z][^|]+?) \| [A-Z]", TEXT, re.MULTILINE)


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_address_on_the_page_is_valid_as_written(address: str) -> None:
    assert NetworkDriver.check_address(address, []) == address


def test_the_page_has_every_protocol() -> None:
    assert {address.partition("://")[0] for address in ADDRESSES} == set(PROTOCOLS)


@pytest.mark.parametrize("sentence", MESSAGES)
def test_every_quoted_message_is_one_of_the_driver(sentence: str) -> None:
    modules = (driver, picture_feed, errors, ffmpeg_connection, jpeg_connection, outgoing)
    code = "".join(Path(str(module.__file__)).read_text() for module in modules)
    assert sentence.replace(f"{MOST_BYTES // 1_000_000} MB", "{MOST_BYTES // 1_000_000} MB") in code


def test_the_page_has_the_real_time_limits() -> None:
    times = NetworkTimes()
    read_s = times.read_s
    assert f"sends nothing for {read_s:g} s (RTSP: {2 * read_s:g} s)" in TEXT
    assert f"which may take {times.snapshot_s:g} s" in TEXT
    assert f"after {read_s:g} s more than the interval" in TEXT
    assert len(MESSAGES) == 26


def test_the_page_has_the_real_interval_of_snapshots() -> None:
    shortest, longest = driver.INTERVALS_S
    assert f"`interval_s`, {INTERVAL_S:g} s unless you change it, from {shortest:g} s to {longest:g} s" in TEXT
