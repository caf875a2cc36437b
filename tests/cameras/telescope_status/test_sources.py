"""The table of sources, and what all of them have in common."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from cameras.drivers.base import SystemClock
from cameras.telescope_status.sources import STATUS_SOURCES, Site, SourceContext, StatusError, create_source
from cameras.telescope_status.status import header_words

NOTHING: dict[str, dict[str, Any]] = {
    "fixed": {},
    "file": {"path": "/no/such/file"},
    "simulated": {},
    # No one listens on port 9 of the loopback.
    "indi": {"host": "127.0.0.1", "port": 9, "telescope": "Telescope Simulator"},
}
"""Kind -> settings with which it knows little or nothing."""


HANG_S = 3600.0
"""Longer than a test may take."""


def test_each_kind_is_in_this_test() -> None:
    assert NOTHING.keys() == STATUS_SOURCES.keys()


@pytest.mark.parametrize("kind", NOTHING)
def test_a_source_that_knows_nothing_says_so_and_raises_nothing(kind: str) -> None:
    clock = SystemClock()
    source = create_source(kind, NOTHING[kind], SourceContext(clock, Site()))
    begun = time.time()
    found = source.read(clock.monotonic() + HANG_S)
    assert found.problem
    assert {header_words(found)[name] for name in ("lst", "ha", "tele-ra")} == {"UNKNOWN"}
    assert begun <= found.at <= time.time()
    source.close()
    source.close()
    assert source.read(clock.monotonic() + 1).problem


@pytest.mark.parametrize("kind", NOTHING)
def test_a_setting_that_does_not_exist_is_refused(kind: str) -> None:
    with pytest.raises(
        StatusError, match=f"^The setting colour of the telescope status source {kind}: is not known here.$"
    ):
        create_source(kind, {**NOTHING[kind], "colour": "red"}, SourceContext(SystemClock()))


@pytest.mark.parametrize(
    ("kind", "settings", "sentence"),
    [
        ("fixed", {"ra": 25}, "The setting ra of the telescope status source fixed: must be at most 24."),
        (
            "fixed",
            {"dec": True},
            "The setting dec of the telescope status source fixed: must be a number, not true or false.",
        ),
        (
            "fixed",
            {"dec": float("nan")},
            "The setting dec of the telescope status source fixed: must be a finite number.",
        ),
        ("file", {}, "The setting path of the telescope status source file: is missing."),
        ("simulated", {"filters": []}, "The setting filters of the telescope status source simulated: "),
        ("lx200", {}, "There is no source of telescope status 'lx200'. Choose one of fixed, file, simulated"),
    ],
)
def test_what_is_wrong_in_the_settings_is_said(kind: str, settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StatusError) as error:
        create_source(kind, settings, SourceContext(SystemClock()))
    assert str(error.value).startswith(sentence)


def test_a_file_source_reads_no_link_to_a_device(tmp_path: Path) -> None:
    (tmp_path / "endless").symlink_to("/dev/zero")
    source = create_source(
        "file", {"path": str(tmp_path / "endless"), "max_age_s": 86_400}, SourceContext(SystemClock())
    )
    assert source.read(time.monotonic() + 1).ra is None
