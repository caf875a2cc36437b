"""Restarts of parts on their way into the event log."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from monitoring.models import Event
from skycam_project.launch.journal import Journal, folder_in, take_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def told() -> list[str]:
    return [event.message for event in Event.objects.filter(kind="part.restarted").order_by("at")]


def test_each_restart_is_one_event(journal: Journal, tmp_path: Path) -> None:
    journal.note("web", "web killed by SIGKILL", 1, asked=False)
    journal.note("beat", "", 1, asked=True)
    assert (take_in(tmp_path), take_in(tmp_path)) == (2, 0)
    assert told() == ["web killed by SIGKILL; it was started again.", "beat restarted on request."]
    assert list(folder_in(tmp_path).iterdir()) == []


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"at": "noon"}', b'{"at": null}', b"\xff"])
def test_a_broken_note_is_set_aside_once_and_keeps_no_other_back(
    journal: Journal, tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: bytes
) -> None:
    (folder_in(tmp_path) / "cut.json").write_bytes(broken)
    journal.note("web", "web killed by SIGKILL", 1, asked=False)
    with caplog.at_level(logging.WARNING):
        assert (take_in(tmp_path), take_in(tmp_path)) == (1, 0)
    assert told() == ["web killed by SIGKILL; it was started again."]
    assert [path.name for path in folder_in(tmp_path).iterdir()] == ["cut.bad"]
    assert caplog.text.count("was set aside as") == 1
