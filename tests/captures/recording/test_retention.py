"""The thread that cleans up clips in a jobs part."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from django.db import connection

from captures.storage.retention.cleanup import ClipCleanup, Retention
from core.events.models import Alert
from core.periodic.part_tasks import thread_of
from core.periodic.thread import task_of
from core.retrying_thread import RetryingThread
from tests.harness.rows.clip_archive import ClipArchive
from tests.harness.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def retention_thread(archive: ClipArchive, monkeypatch: pytest.MonkeyPatch) -> Iterator[RetryingThread]:
    monkeypatch.setattr(Retention, "interval_s", 0.05)
    retention_thread = thread_of(task_of("retention"), "main")
    assert retention_thread is not None
    retention_thread.start()
    yield retention_thread
    retention_thread.stop(PATIENCE_S)


@contextlib.contextmanager
def without_clips() -> Iterator[None]:
    """A database without the table of clips."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE captures_clip RENAME TO hidden")
        try:
            yield
        finally:
            cursor.execute("ALTER TABLE hidden RENAME TO captures_clip")


def test_a_camera_host_deletes_clips_beyond_the_limit_by_itself(
    archive: ClipArchive, retention_thread: RetryingThread
) -> None:
    archive.clips(5)
    eventually(lambda: archive.files == archive.rows == ["2", "3", "4"])


def test_the_thread_survives_errors_and_logs_them(
    archive: ClipArchive, retention_thread: RetryingThread, caplog: pytest.LogCaptureFixture
) -> None:
    with without_clips():
        eventually(lambda: "retention failed" in caplog.text)
    archive.clips(5)
    eventually(lambda: archive.files == archive.rows == ["2", "3", "4"])


def test_a_pass_that_fails_raises_an_alert_until_one_succeeds(
    archive: ClipArchive, retention_thread: RetryingThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts = Alert.objects.filter(key="storage.retention:main")
    with monkeypatch.context() as patched:
        patched.setattr(ClipCleanup, "run", lambda *_: 1 / 0)
        eventually(lambda: alerts.exclude(state="resolved").filter(message__contains="ZeroDivisionError").exists())
    eventually(lambda: alerts.filter(state="resolved").exists())
