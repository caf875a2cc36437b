"""Records of restarts become events."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from core.events.models import Event
from skycam_project.launch.restart_journal import RestartJournal, journal_folder, record_restarts

pytestmark = pytest.mark.django_db


@pytest.fixture
def journal(tmp_path: Path) -> RestartJournal:
    return RestartJournal(tmp_path)


def messages() -> list[str]:
    return [event.message for event in Event.objects.filter(kind="part.restarted").order_by("at")]


def test_each_restart_is_one_event(journal: RestartJournal, tmp_path: Path) -> None:
    journal.record_restart("web", "web killed by SIGKILL", 1, on_request=False)
    journal.record_restart("beat", "", 1, on_request=True)
    assert record_restarts(tmp_path) == 2
    assert record_restarts(tmp_path) == 0
    assert messages() == ["web killed by SIGKILL; it was started again.", "beat restarted on request."]
    assert list(journal_folder(tmp_path).iterdir()) == []


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"at": "noon"}', b'{"at": null}', b"\xff"])
def test_a_broken_record_is_set_aside_once_and_does_not_block_others(
    journal: RestartJournal, tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: bytes
) -> None:
    (journal_folder(tmp_path) / "cut.json").write_bytes(broken)
    journal.record_restart("web", "web killed by SIGKILL", 1, on_request=False)
    with caplog.at_level(logging.WARNING):
        assert record_restarts(tmp_path) == 1
        assert record_restarts(tmp_path) == 0
    assert messages() == ["web killed by SIGKILL; it was started again."]
    assert [path.name for path in journal_folder(tmp_path).iterdir()] == ["cut.bad"]
    assert caplog.text.count("was set aside as") == 1
