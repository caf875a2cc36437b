"""A key is claimed by one request at a time, and its first answer is stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from captures.recordings.control.commands import FINALIZE_S
from core.idempotency.claims import (
    LEASE,
    Answer,
    AnsweredAlready,
    Claim,
    KeyedRequest,
    RequestMismatch,
    RequestRunning,
    claim_request,
)
from core.idempotency.models import IdempotentRequest
from skycam_project.access.models import User

CREATED = Answer(201, '{"id": "sky"}', {"Location": "/api/v1/cameras/sky/"})
INVALID = Answer(400, '{"type": "/problems/invalid"}')
DATABASE_DOWN = Answer(503, '{"type": "/problems/database-down"}')


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada", role="operator")


def request_of(user: User, **changes: Any) -> KeyedRequest:
    values = {"key": "k-1", "method": "POST", "route": "api/v1/cameras/", "fingerprint": "f" * 64}
    return KeyedRequest(user=user.pk, **{**values, **changes})


def stored_status() -> int | None:
    return IdempotentRequest.objects.get().status


def set_lease(**difference: float) -> None:
    IdempotentRequest.objects.update(lease_until=timezone.now() + timedelta(**difference))


@pytest.fixture
def claim(ada: User) -> Claim:
    return claim_request(request_of(ada))


def test_a_repetition_gets_the_stored_answer(ada: User, claim: Claim) -> None:
    claim.settle(CREATED)
    with pytest.raises(AnsweredAlready) as found:
        claim_request(request_of(ada))
    assert (found.value.answer.status, found.value.answer.body) == (201, '{"id": "sky"}')
    assert found.value.answer.headers == {"Location": "/api/v1/cameras/sky/"}
    assert found.value.answer.replayed


def test_while_the_first_request_runs_a_repetition_is_refused(ada: User, claim: Claim) -> None:
    with pytest.raises(RequestRunning, match="'k-1' still runs"):
        claim_request(request_of(ada))


def test_after_its_lease_the_request_runs_again_with_the_same_reserved_id(ada: User, claim: Claim) -> None:
    set_lease(seconds=-1)
    again = claim_request(request_of(ada))
    assert again.attempt == 2
    assert again.resource_id == claim.resource_id


def test_of_two_repetitions_after_a_kill_one_runs(ada: User, claim: Claim) -> None:
    set_lease(seconds=-1)
    claim_request(request_of(ada))
    with pytest.raises(RequestRunning):
        claim_request(request_of(ada))


def test_a_clock_that_is_set_back_does_not_lock_a_key_for_hours(ada: User, claim: Claim) -> None:
    set_lease(hours=5)
    assert claim_request(request_of(ada)).attempt == 2


def test_a_view_that_finds_its_row_may_run_beside_the_first(ada: User, claim: Claim) -> None:
    beside = claim_request(request_of(ada), beside_running=True)
    assert beside.resource_id == claim.resource_id


def test_the_key_of_another_request_is_refused_and_named(ada: User, claim: Claim) -> None:
    with pytest.raises(RequestMismatch, match="'k-1' was used for another request, POST /api/v1/cameras/"):
        claim_request(request_of(ada, fingerprint="0" * 64))


def test_another_users_key_is_another_key(claim: Claim) -> None:
    ben = User.objects.create_user("ben", role="operator")
    assert claim_request(request_of(ben)).resource_id != claim.resource_id


def test_a_user_who_gets_the_name_of_a_removed_one_does_not_get_the_answers(ada: User, claim: Claim) -> None:
    claim.settle(CREATED)
    ada.delete()
    other = User.objects.create_user("ada", role="operator")
    assert claim_request(request_of(other)).attempt == 1


def test_a_request_that_changed_nothing_is_forgotten(ada: User, claim: Claim) -> None:
    claim.settle(INVALID)
    assert claim_request(request_of(ada, fingerprint="0" * 64)).attempt == 1


def test_a_refused_second_attempt_keeps_the_id_that_the_first_may_have_used(ada: User, claim: Claim) -> None:
    set_lease(seconds=-1)
    claim_request(request_of(ada)).settle(INVALID)
    again = claim_request(request_of(ada))
    assert again.attempt == 3
    assert again.resource_id == claim.resource_id


def test_without_a_final_answer_the_request_runs_again_at_once(ada: User, claim: Claim) -> None:
    claim.settle(DATABASE_DOWN)
    assert claim_request(request_of(ada)).attempt == 2


def test_a_view_that_ended_without_an_answer_runs_again_at_once(ada: User, claim: Claim) -> None:
    claim.abandon()
    assert claim_request(request_of(ada)).attempt == 2


def test_of_two_attempts_the_first_answer_stays(ada: User, claim: Claim) -> None:
    set_lease(seconds=-1)
    second = claim_request(request_of(ada))
    claim.settle(CREATED)
    second.settle(Answer(200, "{}"))
    assert stored_status() == 201


def test_an_attempt_that_lost_its_lease_ends_no_other_ones(ada: User, claim: Claim) -> None:
    set_lease(seconds=-1)
    claim_request(request_of(ada))
    claim.settle(DATABASE_DOWN)
    with pytest.raises(RequestRunning):
        claim_request(request_of(ada))


@pytest.mark.parametrize("error", [OperationalError("database is locked"), InterfaceError("connection is closed")])
def test_an_answer_that_cannot_be_stored_is_logged_and_not_claimed_to_be_stored(
    error: Exception, ada: User, claim: Claim, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE"):
            raise error
        return execute(sql, *rest)

    with connection.execute_wrapper(fail):
        claim.settle(CREATED)
    assert f"is not stored: {error}" in caplog.text
    with pytest.raises(RequestRunning):
        claim_request(request_of(ada))


def test_the_lease_is_longer_than_the_longest_wait_of_a_view() -> None:
    assert LEASE.total_seconds() >= 2 * FINALIZE_S
