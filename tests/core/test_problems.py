"""Exceptions become problems by the tables of the apps."""

from __future__ import annotations

import json

import pytest
from django.db import InterfaceError
from django.http import Http404

from core.api.exceptions import merged_table, problem_of
from core.api.problems import PROBLEMS, Problem, from_message
from core.registry import resolve
from core.tables import EXCEPTION_TABLES


class NotHere(Http404):
    """Listed in no table; its base is."""


def test_an_exception_is_listed_in_one_table() -> None:
    listed = sum(len(resolve(path)) for path in EXCEPTION_TABLES.values())
    assert listed == len(merged_table())


def test_an_exception_without_an_entry_has_the_problem_of_its_base() -> None:
    problem = problem_of(NotHere())
    assert problem is not None
    assert problem.type == "not-found"


def test_an_unlisted_exception_has_no_problem() -> None:
    assert problem_of(RuntimeError("the secret inside")) is None


def test_both_of_djangos_errors_of_a_lost_database_are_listed() -> None:
    problem = problem_of(InterfaceError("connection already closed"))
    assert problem is not None
    assert problem.type == "database-down"
    assert problem.headers == {"Retry-After": "5"}


@pytest.mark.parametrize("type_", PROBLEMS)
def test_a_problem_is_a_response_with_its_status(type_: str) -> None:
    status, title = PROBLEMS[type_]
    answer = Problem(type_, "So it is.", extensions={"host": "dome"}).response("/api/v1/captures/")
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert json.loads(answer.content) == {
        "type": f"/problems/{type_}",
        "title": title,
        "status": status,
        "detail": "So it is.",
        "instance": "/api/v1/captures/",
        "host": "dome",
    }


def test_an_entry_may_pass_the_message_on() -> None:
    assert from_message("held")(ValueError("Held by ada.")) == Problem("held", "Held by ada.")
