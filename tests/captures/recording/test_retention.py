"""The thread beside the Supervisor."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from cameras.tables import KEEPERS, resolve
from captures.recording import retention
from captures.recording.retention import Retention
from monitoring.models import Alert
from tests.captures.recording.clip_archive import ClipArchive, configured

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClipArchive:
    configured(monkeypatch, rolling_clips_count=3, soft_floor_gb=0, hard_floor_gb=0)
    monkeypatch.setattr(retention, "INTERVAL_S", 0.05)
    return ClipArchive(tmp_path)


@pytest.fixture
def keeper(archive: ClipArchive) -> Iterator[Retention]:
    keeper = resolve(KEEPERS["retention"])("main")
    keeper.start()
    yield keeper
    keeper.stop()


@contextlib.contextmanager
def without_clips() -> Iterator[None]:
    """A database in which clips cannot be asked for."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE captures_clip RENAME TO hidden")
        try:
            yield
        finally:
            cursor.execute("ALTER TABLE hidden RENAME TO captures_clip")


def until(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def test_a_camera_host_deletes_by_itself_what_is_too_much(archive: ClipArchive, keeper: Retention) -> None:
    archive.clips(5)
    until(lambda: archive.files == archive.rows == ["2", "3", "4"])


def test_it_outlives_what_goes_wrong_and_says_it_once(
    archive: ClipArchive, keeper: Retention, caplog: pytest.LogCaptureFixture
) -> None:
    with without_clips():
        until(lambda: "Clips cannot be looked after" in caplog.text)
    archive.clips(5)
    until(lambda: archive.files == archive.rows == ["2", "3", "4"])
    assert caplog.text.count("Clips cannot be looked after") == 1


def test_a_look_that_fails_is_an_alert_until_one_succeeds(
    archive: ClipArchive, keeper: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts = Alert.objects.filter(key="storage.retention:main")
    with monkeypatch.context() as patched:
        patched.setattr(keeper._cleanup, "run", lambda _: 1 / 0)
        until(lambda: alerts.exclude(state="resolved").filter(message__contains="ZeroDivisionError").exists())
    until(lambda: alerts.filter(state="resolved").exists())
