"""Which events and alerts are kept, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from core import partitions
from core.events.models import Alert, Event
from core.events.service import raise_alert, record_event, resolve_alert
from monitoring import retention
from monitoring.models import MaintenanceWindow
from monitoring.retention import RETENTION, remove_expired

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def keep_two_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep only the newest two events at any age, and remove three rows per batch, on PostgreSQL within a month."""
    monkeypatch.setattr(partitions, "BEYOND_MONTH", timedelta(0))
    monkeypatch.setattr(retention, "NEWEST", 2)
    monkeypatch.setattr(retention, "BATCH", 3)


@pytest.fixture
def kept_for(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    def configure(days: int) -> None:
        monitoring = settings.STATION.monitoring.model_copy(update={"events_kept_days": days})
        monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"monitoring": monitoring}))

    return configure


def events(*days_ago: float, severity: str = "info") -> None:
    for days in days_ago:
        record_event(
            "camera.state", f"{days}", at=timezone.now() - timedelta(days=days), severity=severity, camera=None
        )


def remaining_events() -> list[str]:
    """The remaining events, newest first."""
    return list(Event.objects.values_list("message", flat=True))


def alert(key: str, days_ago: float, *, over: bool) -> None:
    raise_alert(key, "Look at it.", camera=None)
    if over:
        resolve_alert(key)
        Alert.objects.filter(key=key).update(resolved_at=timezone.now() - timedelta(days=days_ago))
    Alert.objects.filter(key=key).update(opened_at=timezone.now() - timedelta(days=days_ago))


def test_events_are_removed_after_ninety_days() -> None:
    events(100, 95, 92, 91, 90.5, 89, 1, 0)
    assert remove_expired()["events"] == 5
    assert remaining_events() == ["0", "1", "89"]


def test_the_newest_events_stay_when_the_clock_jumps() -> None:
    events(500, 400, 300)
    remove_expired()
    assert remaining_events() == ["300", "400"]


def test_the_retention_time_is_configured(kept_for: Callable[[int], None]) -> None:
    kept_for(2)
    events(4, 3, 1, 0)
    remove_expired()
    assert remaining_events() == ["0", "1"]


@pytest.mark.parametrize(
    ("severity", "kept"),
    [
        ("info", [89]),
        ("warning", [364, 91, 89]),
        ("error", [1094, 366, 364, 91, 89]),
        ("critical", [1094, 366, 364, 91, 89]),
    ],
)
def test_severe_events_are_kept_longer(severity: str, kept: list[int]) -> None:
    events(1096, 1094, 366, 364, 91, 89, severity=severity)
    events(0.2, 0.1)
    remove_expired()
    assert remaining_events() == ["0.1", "0.2", *(str(days) for days in reversed(kept))]


@pytest.mark.parametrize(
    ("info", "warnings", "errors", "kept"),
    [
        (90, 365, 1095, {"info": 90, "warning": 365, "error": 1095, "critical": 1095}),
        (500, 365, 0, {"info": 500, "warning": 500}),
        (90, 0, 30, {"info": 90}),
        (0, 30, 30, {}),
    ],
)
def test_a_severe_event_is_never_removed_before_a_less_severe_one(
    info: int, warnings: int, errors: int, kept: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    days = {"events_kept_days": info, "warnings_kept_days": warnings, "errors_kept_days": errors}
    monitoring = settings.STATION.monitoring.model_copy(update=days)
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"monitoring": monitoring}))
    assert retention.kept_days() == kept


def test_zero_keeps_all_events_forever(kept_for: Callable[[int], None]) -> None:
    kept_for(0)
    events(9000, 8000, 1, 0)
    alert("old", 9000, over=True)
    assert not any(remove_expired().values())


def test_an_unresolved_alert_stays() -> None:
    for key, over in (("open", False), ("seen", False), ("over", True)):
        alert(key, 200, over=over)
    Alert.objects.filter(key="seen").update(state=Alert.State.ACKNOWLEDGED)
    alert("lately", 10, over=True)
    assert remove_expired()["alerts"] == 1
    assert set(Alert.objects.values_list("key", flat=True)) == {"open", "seen", "lately"}


def test_an_entry_that_fails_does_not_stop_the_others() -> None:
    events(100, 1, 0)
    assert remove_expired({"none": "monitoring.nowhere.at_all", **RETENTION})["events"] == 1


def test_one_run_ends_in_time() -> None:
    events(100, 1, 0)
    assert remove_expired(run_s=0.0)["events"] == 0


def test_the_jobs_worker_removes_old_rows_each_hour() -> None:
    from skycam_project.celery import app

    app.loader.import_default_modules()
    entry = settings.CELERY_BEAT_SCHEDULE["retention"]
    assert entry["task"] in app.tasks
    assert entry["schedule"] == 3600.0


def test_windows_that_ended_longer_ago_than_events_are_kept_are_removed(kept_for: Callable[[int], None]) -> None:
    kept_for(10)
    now, day = timezone.now(), timedelta(days=1)
    for ended in (9, 11):
        MaintenanceWindow.objects.create(
            subject=f"{ended} days", begins_at=now - (ended + 1) * day, ends_at=now - ended * day
        )
    assert remove_expired({"maintenance_windows": RETENTION["maintenance_windows"]}) == {"maintenance_windows": 1}
    assert [one.subject for one in MaintenanceWindow.objects.all()] == ["9 days"]


def test_windows_are_kept_forever_with_the_events(kept_for: Callable[[int], None]) -> None:
    kept_for(0)
    long_ago = timezone.now() - timedelta(days=9999)
    MaintenanceWindow.objects.create(begins_at=long_ago, ends_at=long_ago + timedelta(hours=1))
    assert remove_expired({"maintenance_windows": RETENTION["maintenance_windows"]}) == {"maintenance_windows": 0}
