"""The routes of a resource come from its table."""

from __future__ import annotations

from typing import Any

import pytest

from core.resources.api import routes_of
from core.resources.fields import Fields
from core.resources.resource import Operation, Resource
from core.resources.values import Id


class NoteBody(Fields):
    id: Id
    name: str


class NumberedBody(Fields):
    id: int
    name: str


def notes(**about: Any) -> Resource:
    given = {
        "name": "notes", "noun": "site note", "path": "notes/", "package": "notes", "rows": "rows", "row": "row",
        "answer": NoteBody, "operations": (Operation("list", "viewer", "List them."), Operation("show", "viewer", "")),
    }  # fmt: skip
    return Resource(**{**given, **about})


@pytest.mark.parametrize(
    ("about", "address"),
    [
        ({}, "notes/<uuid:note>/"),
        ({"key": "name"}, "notes/<slug:note>/"),
        ({"answer": NumberedBody}, "notes/<int:note>/"),
    ],
)
def test_a_row_is_addressed_by_its_key(about: dict[str, Any], address: str) -> None:
    assert [str(route.pattern) for route in routes_of(notes(**about))] == ["notes/", address]


def test_a_resource_without_a_path_has_no_routes() -> None:
    assert routes_of(notes(path="")) == []


def test_people_name_a_row_by_its_number_rather_than_a_name_that_others_may_have() -> None:
    assert (notes().name_field, notes(answer=NumberedBody).name_field) == ("name", "id")
