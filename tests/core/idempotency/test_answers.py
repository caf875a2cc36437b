"""Which answers are stored."""

from __future__ import annotations

import json

import pytest
from django.http import HttpResponse

from core.api.problems import PROBLEMS, Problem
from core.idempotency.claims import Answer, Settlement
from core.idempotency.models import IdempotentRequest

STORED = {
    "busy", "not-recording", "range", "capture-failed", "camera-not-reachable", "capture-skipped",
    "host-down", "broker-down", "live-disabled", "live-full", "not-ready", "too-slow", "disk-full",
    "idempotency-running", "idempotency-mismatch",
}  # fmt: skip
RUN_AGAIN = {"internal", "database-down", "too-busy"}


def problem(type_: str, **members: str) -> Answer:
    return Answer.of_response(Problem(type_, "So it is.", extensions=members).response("/api/v1/cameras/"))


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_success_is_stored(status: int) -> None:
    assert Answer(status, "{}").settlement is Settlement.STORE


def test_a_capture_without_an_outcome_is_not_stored() -> None:
    assert Answer(202, "{}").settlement is Settlement.RUN_AGAIN


@pytest.mark.parametrize("type_", sorted(STORED))
def test_a_problem_that_may_have_an_effect_is_stored(type_: str) -> None:
    assert problem(type_).settlement is Settlement.STORE


@pytest.mark.parametrize("type_", sorted(RUN_AGAIN))
def test_a_problem_that_says_nothing_about_the_effect_is_not_stored(type_: str) -> None:
    assert problem(type_).settlement is Settlement.RUN_AGAIN


@pytest.mark.parametrize("type_", sorted(PROBLEMS.keys() - STORED - RUN_AGAIN))
def test_a_problem_before_anything_happened_is_forgotten(type_: str) -> None:
    assert problem(type_).settlement is Settlement.FORGET


@pytest.mark.parametrize("member", ["capture", "reason"])
def test_a_refusal_that_has_a_row_or_comes_from_the_camera_is_stored(member: str) -> None:
    assert problem("held", **{member: "camera_held"}).settlement is Settlement.STORE


def test_a_stored_answer_is_sent_as_it_was() -> None:
    first = HttpResponse('{"b": 1, "a": "\u00e9"}', status=201, content_type="application/json")
    first["Location"], first["X-Other"] = "/api/v1/cameras/sky/", "not stored"
    answer = Answer.of_response(first)
    row = IdempotentRequest(status=answer.status, body=answer.body, headers=json.loads(json.dumps(answer.headers)))
    again = Answer.of_row(row).response()
    assert again.content == first.content
    assert again.status_code == 201
    assert dict(again.headers) == {
        "Content-Type": "application/json",
        "Location": "/api/v1/cameras/sky/",
        "Idempotency-Replayed": "true",
    }
