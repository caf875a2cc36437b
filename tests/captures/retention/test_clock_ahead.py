"""A clock that is set years ahead deletes nothing for its age, and people are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras.spool.moments import Moment
from captures.models import Capture, Clip, HostClock
from captures.storage.retention.cleanup import ClipCleanup
from captures.storage.retention.clock_guard import MAX_STEP_S, ClockGuard, ClockNotConfirmed, ClockReading, read_clock
from captures.storage.retention.manager import StorageManager, make_plan
from captures.storage.trash.services import purge_capture, trash_capture
from core.events.models import Alert, Event
from tests.harness.rows.captures import file_of, saved
from tests.harness.rows.clip_archive import ClipArchive

pytestmark = pytest.mark.django_db

AHEAD = timedelta(days=2000, hours=1)


def known(behind: timedelta = timedelta(0), boot: str | None = None) -> None:
    """The host knows a time that is `behind` its clock, which the kernel had confirmed."""
    now = read_clock().moment
    HostClock.objects.update_or_create(
        host="main",
        defaults={"at": datetime.fromtimestamp(now.wall, UTC) - behind, "boot": boot or now.boot,
                  "boot_s": now.boot_s, "step_s": MAX_STEP_S, "confirmed": True},
    )  # fmt: skip


def alerts() -> list[str]:
    return list(Alert.objects.filter(key="storage.clock:main", state="open").values_list("message", flat=True))


@pytest.fixture
def old(archive: ClipArchive, retention: Callable[..., None]) -> ClipArchive:
    """A manual and a rolling clip, a capture, and one in the trash, all older than their rules allow."""
    retention(rolling_clip_days=1, manual_clip_days=1, capture_days=1, trash_days=1)
    ended = timezone.now() - timedelta(days=2)
    times = {"started_at": ended - timedelta(minutes=10), "ended_at": ended}
    archive.clip(0, **times)
    archive.clip(1, kind="manual", **times)
    captures = [file_of(saved(archive.camera, host="main", started_at=ended), archive.root).capture for _ in range(2)]
    trash_capture(captures[0], "boss")
    Capture.objects.filter(pk=captures[0].pk).update(trashed_at=ended)
    return archive


def left() -> tuple[int, int, int]:
    """Clips, captures with files outside of the trash, and captures with files in it."""
    filed = Capture.objects.filter(files__isnull=False)
    return Clip.objects.present().count(), filed.filter(trashed_at=None).count(), filed.exclude(trashed_at=None).count()


def test_a_clock_that_agrees_with_what_is_known_deletes_what_is_too_old(old: ClipArchive) -> None:
    known()
    old.cleanup.run()
    assert left() == (0, 0, 1)
    assert alerts() == []


@pytest.mark.parametrize("boot", [None, "another boot"])
def test_nothing_goes_for_its_age_while_the_clock_is_years_ahead(old: ClipArchive, boot: str | None) -> None:
    known(behind=AHEAD, boot=boot)
    old.cleanup.run()
    assert left() == (2, 1, 1)
    assert "`skycam storage confirm-clock`" in alerts()[0]
    assert ", 2,000 days after" in alerts()[0]


def test_the_known_time_of_another_host_is_not_asked(old: ClipArchive) -> None:
    known(behind=AHEAD)
    HostClock.objects.update(host="dome")
    old.cleanup.run()
    assert left() == (0, 0, 1)


def test_the_rule_of_count_and_deletions_by_people_go_on(old: ClipArchive) -> None:
    known(behind=AHEAD)
    rolling = [old.clip(number) for number in (2, 3, 4, 5)]
    old.cleanup.run()
    purge_capture(Capture.objects.in_trash().get(), "main", "boss")
    assert [clip.pk for clip in rolling if not Clip.objects.filter(pk=clip.pk).exists()] == [
        rolling[0].pk,
        rolling[1].pk,
    ]
    assert left()[1:] == (1, 0)


def test_a_plan_has_nothing_of_age_and_says_why(old: ClipArchive) -> None:
    known(behind=AHEAD)
    plan = StorageManager("main").plan()
    assert plan.items == ()
    assert "No file is deleted or moved to the trash for its age" in plan.problems[0]


def test_a_plan_of_clips_alone_says_nothing_of_the_clock_without_a_rule_of_age(archive: ClipArchive) -> None:
    known(behind=AHEAD)
    assert make_plan("main", ["clips"]).problems == ()


def test_a_plan_names_no_clip_as_kept_from_a_rule_that_is_not_applied(old: ClipArchive) -> None:
    known(behind=AHEAD)
    Clip.objects.update(pinned=True)
    assert StorageManager("main").plan().skipped == ()


def test_a_clock_that_was_set_after_the_plan_executes_nothing_of_age(old: ClipArchive) -> None:
    manager = StorageManager("main")
    plan = manager.plan()
    assert len(plan.items) == 4
    known(behind=AHEAD)
    result = manager.execute(plan)
    assert left() == (2, 1, 1)
    assert "The clock of main shows" in result.problems[0]


def test_a_cleanup_that_a_person_requests_says_why_old_clips_stay(old: ClipArchive) -> None:
    known(behind=AHEAD)
    cleanup = ClipCleanup("main", "boss", tables=("clips",))
    assert [len(cleanup.run().problems), len(cleanup.run().problems)] == [1, 1]


def test_a_confirmed_clock_applies_the_rules_again(old: ClipArchive) -> None:
    known(behind=AHEAD)
    old.cleanup.run()
    shown = read_clock()
    ClockGuard("main", lambda: shown).confirm(datetime.fromtimestamp(shown.moment.wall, UTC).date(), "boss")
    ClipCleanup("main").run()
    assert left() == (0, 0, 1)
    assert alerts() == []
    assert Event.objects.get(kind="storage.clock_confirmed").actor == "boss"


def test_another_date_confirms_nothing(archive: ClipArchive) -> None:
    known(behind=AHEAD)
    with pytest.raises(ClockNotConfirmed, match="If today is 2001-01-01, the clock is wrong"):
        ClockGuard("main").confirm(datetime(2001, 1, 1, tzinfo=UTC).date(), "boss")
    assert ClockGuard("main").doubt() != ""


def test_an_untrusted_time_is_not_stored(archive: ClipArchive) -> None:
    known(behind=AHEAD)
    before = HostClock.objects.get().at
    archive.cleanup.run()
    assert HostClock.objects.get().at == before


def test_the_time_is_stored_every_five_minutes(archive: ClipArchive, django_assert_num_queries: Any) -> None:
    shown = [ClockReading(Moment(1.8e9 + second, "boot", 10.0 + second), synchronised=True) for second in (0, 299, 300)]
    guard = ClockGuard("main", iter(shown).__next__)
    guard.note_time()
    with django_assert_num_queries(1):
        guard.note_time()
    assert HostClock.objects.get().boot_s == 10.0
    guard.note_time()
    assert HostClock.objects.get().boot_s == 310.0


def test_a_pass_within_the_minute_does_not_ask_for_the_clock(
    archive: ClipArchive, django_assert_max_num_queries: Any
) -> None:
    archive.cleanup.run()
    with django_assert_max_num_queries(12) as asked:
        archive.cleanup.run()
    assert not [query for query in asked.captured_queries if "hostclock" in query["sql"]]
