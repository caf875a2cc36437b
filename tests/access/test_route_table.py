"""Every route, method and role: the answers are those of the table in docs/clients/routes.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import pytest
from django.urls import get_resolver

from core.pages import Page
from tests.harness.clients.people import World
from tests.harness.documents.reference.routes import routes
from tests.harness.documents.route_table import Line, lines

LINES = sorted((line for line in lines() if line.method != "WS"), key=lambda line: line.resource)
PAGES = [line for line in LINES if not line.route.startswith("api/")]
SIGN_IN_ROUTES = {"admin/login/", "admin/logout/"}
ADMINS_OWN = [line for line in PAGES if line.route.startswith("admin/") and line.route not in SIGN_IN_ROUTES]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MOST = 12
"""Lines that one test walks."""


def parts() -> Iterator[Any]:
    """The lines of each resource, in parts of MOST."""
    for resource, found in groupby(LINES, key=lambda line: line.resource):
        walked = list(found)
        for begin in range(0, len(walked), MOST):
            yield pytest.param(walked[begin : begin + MOST], id=f"{resource}-{begin}")


def views() -> dict[str, Any]:
    return dict(routes(get_resolver().url_patterns))


def served(route: str, view: Any) -> set[str]:
    """The methods of a view of the API or of a page; none are known of others."""
    if route.startswith("api/"):
        return {method for method in METHODS if hasattr(view.cls, method.lower())}
    page = getattr(view, "view_class", None)
    return set(page.roles) if page is not None and issubclass(page, Page) else set()


def differences(expected: Iterable[Line], world: World) -> list[str]:
    return [
        f"{line} for {person}: {answer}, and {in_table[person]} in the table"
        for line in expected
        for in_table in [world.expected(line)]
        for person, answer in world.answers(line).items()
        if answer != in_table[person]
    ]


def test_every_route_is_in_the_table() -> None:
    assert set(views()) == {line.route for line in LINES}


def test_every_method_of_every_route_is_in_the_table() -> None:
    found = {(method, route) for route, view in views().items() for method in served(route, view)}
    known = {route for _, route in found}
    assert found == {(line.method, line.route) for line in LINES if line.route in known}


@pytest.mark.parametrize("part", [*parts()])
def test_each_role_gets_the_answer_in_the_table(
    part: list[Line], shared_world: World, no_wait_for_frames: None
) -> None:
    assert differences(part, shared_world) == []


@pytest.mark.parametrize("method", METHODS)
def test_a_method_outside_the_table_is_refused(method: str, shared_world: World) -> None:
    """The pages of the admin are left out: they accept what their forms send."""
    listed = {line.route for line in PAGES if line.method == method}
    others = sorted({line.route for line in PAGES if line not in ADMINS_OWN} - listed)
    answers = {route: shared_world.answer(method, route, "manager") for route in others}
    assert {route: answer for route, answer in answers.items() if answer != "no such method"} == {}


def test_the_admins_forms_need_the_role_of_their_page(shared_world: World) -> None:
    assert [
        f"{line} for {person}: {answer}"
        for line in ADMINS_OWN
        for person, answer in shared_world.requests("POST", line.route).items()
        if answer not in {line.answers[person], "no such method"}
    ] == []
