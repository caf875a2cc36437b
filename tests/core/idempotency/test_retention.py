"""Requests with a key are kept for a day, and a bounded number of each user."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from core.idempotency.claims import BATCH, LIMIT_EVERY, MAX_ROWS, limit_rows, remove_oldest
from core.idempotency.models import IdempotentRequest
from monitoring.retention import RETENTION, remove_expired
from skycam_project.access.models import User

ENTRY = {"idempotent_requests": RETENTION["idempotent_requests"]}


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada", role="operator")


def answered(user: User, key: str, hours: float = 0) -> IdempotentRequest:
    at = timezone.now() - timedelta(hours=hours)
    return IdempotentRequest.objects.create(user=user, key=key, state="answered", status=200, created_at=at)


def keys() -> set[str]:
    return set(IdempotentRequest.objects.values_list("key", flat=True))


def test_a_request_is_removed_after_a_day(ada: User) -> None:
    answered(ada, "old", 24.1)
    answered(ada, "young", 23.9)
    assert remove_expired(ENTRY) == {"idempotent_requests": 1}
    assert keys() == {"young"}


def test_a_request_of_a_clock_that_was_ahead_is_removed_too(ada: User) -> None:
    answered(ada, "of-next-year", -24 * 365)
    assert remove_expired(ENTRY) == {"idempotent_requests": 1}


def test_many_requests_are_removed_batch_by_batch(ada: User) -> None:
    [answered(ada, f"k-{number}", 25) for number in range(BATCH + 1)]
    assert remove_expired(ENTRY) == {"idempotent_requests": BATCH + 1}


def test_the_oldest_of_a_user_make_room(ada: User) -> None:
    ben = User.objects.create_user("ben", role="operator")
    answered(ben, "bens", 5)
    [answered(ada, f"k-{hours}", hours) for hours in (3, 2, 1)]
    assert remove_oldest(ada.pk, most=2) == 1
    assert keys() == {"bens", "k-2", "k-1"}


def test_a_user_has_a_bounded_number_of_requests(ada: User) -> None:
    at = timezone.now() - timedelta(hours=1)
    old = [
        IdempotentRequest(user=ada, key=f"k-{number}", state="answered", status=200, created_at=at)
        for number in range(MAX_ROWS + 3)
    ]
    IdempotentRequest.objects.bulk_create(old)
    [limit_rows(ada.pk) for _ in range(LIMIT_EVERY)]
    assert IdempotentRequest.objects.count() == MAX_ROWS


def test_a_request_that_runs_is_not_removed_for_room(ada: User) -> None:
    lease = timezone.now() + timedelta(seconds=30)
    IdempotentRequest.objects.create(user=ada, key="running", lease_until=lease)
    assert remove_oldest(ada.pk, most=0) == 0
