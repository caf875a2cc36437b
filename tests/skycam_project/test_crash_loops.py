"""Files of parts in a crash loop, and their alerts."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from core.events.models import Alert
from skycam_project.launch.restart_journal import CrashLoopFiles, crash_loop_sentence, report_crash_loops

pytestmark = pytest.mark.django_db


@pytest.fixture
def files(tmp_path: Path) -> CrashLoopFiles:
    return CrashLoopFiles(tmp_path)


def alerts() -> list[tuple[str, str, str]]:
    return [(alert.key, alert.state, alert.message) for alert in Alert.objects.order_by("key")]


def test_an_alert_opens_with_the_file_and_is_resolved_with_it(files: CrashLoopFiles, tmp_path: Path) -> None:
    files.write("web", "web is in a crash loop.")
    [report_crash_loops(tmp_path) for _ in range(2)]
    assert alerts() == [("part.crash_loop:main:web", "open", "web is in a crash loop.")]
    assert Alert.objects.get().count == 1
    assert files.remove("web")
    report_crash_loops(tmp_path)
    assert [state for _, state, _ in alerts()] == ["resolved"]


def test_an_alert_of_another_host_is_left_to_that_host(files: CrashLoopFiles, tmp_path: Path) -> None:
    Alert.objects.create(key="part.crash_loop:dome:web", message="There.")
    report_crash_loops(tmp_path)
    assert alerts() == [("part.crash_loop:dome:web", "open", "There.")]


@pytest.mark.parametrize("broken", ["", "{", "[]", "{}", "null"])
def test_an_unreadable_file_still_opens_an_alert(files: CrashLoopFiles, tmp_path: Path, broken: str) -> None:
    files.write("web", "")
    (files.folder / "web.json").write_text(broken)
    report_crash_loops(tmp_path)
    assert alerts()[0][2] == "web is in a crash loop. `skycam ps` shows its last exit."


def test_files_of_parts_that_the_station_no_longer_has_are_removed(files: CrashLoopFiles) -> None:
    [files.write(part, "It is in a crash loop.") for part in ("valkey", "web")]
    files.keep_only(["web", "worker"])
    assert list(files.read()) == ["web"]


def test_the_message_contains_no_secret() -> None:
    message = crash_loop_sentence("web", "web exited with status 1", f"key={settings.SECRET_KEY}", settings.STATION)
    assert settings.SECRET_KEY not in message
    assert "Its last line: key=********" in message
