"""The page Clean up: a plan that deletes nothing, what it leaves and why, its confirmation, its job."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from captures.models import Clip, StorageRoot
from captures.recordings.clips.services import hold_clip
from captures.storage.retention.jobs import execute_plan
from captures.storage.retention.models import StoredPlan
from core.events.models import Event
from core.jobs.context import JobContext
from core.jobs.models import Job
from tests.harness.clients.pages import text_of
from tests.harness.rows.clips import clip_of

CLEANUP = "/admin/cleanup/"


@pytest.fixture(autouse=True)
def a_month(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips are deleted when they are a month old."""
    station = settings.STATION
    section = type(station.retention).model_validate({"rolling_clip_days": 30, "manual_clip_days": 30})
    monkeypatch.setattr(settings, "STATION", station.model_copy(update={"retention": section}))


@pytest.fixture
def old(camera: Any, root: StorageRoot) -> list[Clip]:
    """Three clips that are older than that, and a new one."""
    ages = [timedelta(days=100), timedelta(days=99), timedelta(days=98), timedelta(hours=1)]
    return [clip_of(camera, root, timezone.now() - age) for age in ages]


def planned(boss: Any) -> str:
    answer = boss.post(CLEANUP)
    assert answer.status_code == 200
    return text_of(answer)


def confirmed(boss: Any, page: str, number: str) -> Any:
    found = re.search(r'name="plan" value="([^"]*)"', page)
    assert found
    return boss.post(CLEANUP, {"plan": found[1], "confirmation": number})


def test_the_page_says_what_a_cleanup_is_and_plans_nothing(boss: Any, old: list[Clip]) -> None:
    page = text_of(boss.get(CLEANUP))
    assert "Show what would be deleted" in page
    assert "Clips with a pin or a hold stay" in page
    assert not StoredPlan.objects.exists()
    assert f'href="{CLEANUP}"' in text_of(boss.get("/admin/"))


def test_a_plan_says_what_would_be_deleted_and_deletes_nothing(boss: Any, old: list[Clip]) -> None:
    page = planned(boss)
    assert "<b>Clean up: 3 files</b>" in page
    assert "Nothing has been changed yet." in page
    assert "sky, rolling_clip, by age: 3" in page
    assert old[0].path in page
    assert old[3].path not in page
    assert Clip.objects.present().count() == 4


def test_a_plan_says_what_a_pin_and_a_hold_keep(boss: Any, old: list[Clip]) -> None:
    Clip.objects.filter(pk=old[0].pk).update(pinned=True)
    hold_clip(old[1].pk, "experiment", "dew")
    page = planned(boss)
    assert "<b>Clean up: 1 file</b>" in page
    kept = page.partition('aria-label="The first files that are left out"')[2].partition("</ul>")[0]
    assert old[0].path in kept
    assert old[1].path in kept


def test_a_confirmed_plan_is_executed_by_a_job(boss: Any, old: list[Clip]) -> None:
    Clip.objects.filter(pk=old[0].pk).update(pinned=True)
    answer = confirmed(boss, planned(boss), "2")
    assert answer["Location"] == "/jobs/?kind=storage_cleanup"
    job = Job.objects.get(kind="storage_cleanup")
    event = Event.objects.get(kind="files.action")
    assert (event.actor, event.subject, event.data["rows"]) == ("boss", str(job.pk), 2)
    reports: list[Any] = []
    execute_plan(JobContext(str(job.pk), job.arguments, None, "boss", reports.append))
    assert reports[-1]["sentence"] == "2 files deleted"
    assert set(Clip.objects.present()) == {old[0], old[3]}
    assert Path(old[0].root.path, old[0].path).exists()
    assert not Path(old[1].root.path, old[1].path).exists()


def test_a_plan_that_is_confirmed_twice_is_one_job_with_one_event(boss: Any, old: list[Clip]) -> None:
    page = planned(boss)
    confirmed(boss, page, "3")
    assert confirmed(boss, page, "3")["Location"] == "/jobs/?kind=storage_cleanup"
    assert Job.objects.filter(kind="storage_cleanup").count() == 1
    assert Event.objects.filter(kind="files.action").count() == 1


def test_a_plan_that_another_has_begun_is_refused(boss: Any, old: list[Clip]) -> None:
    page = planned(boss)
    confirmed(boss, page, "3")
    Job.objects.update(requested_by="anna")
    answer = confirmed(boss, page, "3")
    assert "anna has begun this plan already." in answer.content.decode()
    assert Event.objects.filter(kind="files.action").count() == 1


def test_a_clip_that_is_pinned_after_the_plan_stays(boss: Any, old: list[Clip]) -> None:
    confirmed(boss, planned(boss), "3")
    Clip.objects.filter(pk=old[0].pk).update(pinned=True)
    job = Job.objects.get(kind="storage_cleanup")
    assert execute_plan(JobContext(str(job.pk), job.arguments, None, "boss", lambda _: None))["deleted"] == 2
    assert old[0] in Clip.objects.present()


@pytest.mark.parametrize("number", ["", "2", "-3", "three"])
def test_a_wrong_number_begins_nothing_and_makes_a_new_plan(number: str, boss: Any, old: list[Clip]) -> None:
    first = planned(boss)
    answer = confirmed(boss, first, number)
    assert answer.status_code == 400
    assert "The number did not match the plan." in text_of(answer)
    assert re.findall(r'name="plan" value="([^"]*)"', first) != re.findall(
        r'name="plan" value="([^"]*)"', text_of(answer)
    )
    assert not Job.objects.exists()


@pytest.mark.parametrize("plan", ["x", "", "0193a000-0000-7000-8000-0000000000aa"])
def test_a_plan_that_does_not_exist_is_refused(plan: str, boss: Any, old: list[Clip]) -> None:
    answer = boss.post(CLEANUP, {"plan": plan, "confirmation": "3"})
    assert answer.status_code == 400
    assert 'role="alert"' in text_of(answer)
    assert not Job.objects.exists()


def test_an_expired_plan_is_refused(boss: Any, old: list[Clip]) -> None:
    page = planned(boss)
    StoredPlan.objects.update(expires_at=timezone.now())
    answer = confirmed(boss, page, "3")
    assert "has expired" in text_of(answer)
    assert not Job.objects.exists()


def test_a_plan_of_nothing_cannot_be_confirmed(boss: Any, root: StorageRoot) -> None:
    page = planned(boss)
    assert "There is nothing to do." in page
    assert 'name="plan"' not in page


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_refused(method: str, boss: Any) -> None:
    assert getattr(boss, method)(CLEANUP).status_code == 405
