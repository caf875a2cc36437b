"""All lists of the API treat their parameters alike. docs/decisions/filtering.md says why."""

from __future__ import annotations

import re
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from core.api.paging import PageQuery
from tests.harness.documents.pages import page

DOCUMENTED = dict(re.findall(r"^\| `([a-z/]+)/` \| (.+) \|$", page("docs/clients/api.md"), re.MULTILINE))
INVALID = ["colour=red", "limit=1&limit=2", "limit=", "limit=0", "cursor=", "cursor=x"]


def filters_in_the_schema() -> dict[str, set[str]]:
    """List -> its filters, of all lists that come in pages and are no part of another object."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    parameters = {
        path: {one["name"] for one in item["get"].get("parameters", [])}
        for path, item in paths.items()
        if "get" in item and "{" not in path
    }
    paging = set(PageQuery.model_fields)
    return {
        path.removeprefix("/api/v1/").strip("/"): names - paging
        for path, names in parameters.items()
        if names >= paging
    }


def test_the_filters_of_every_list_are_documented() -> None:
    assert {name: set(re.findall(r"`(\w+)`", cell)) for name, cell in DOCUMENTED.items()} == filters_in_the_schema()


@pytest.mark.parametrize("parameters", INVALID)
@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_list_refuses_parameters_that_it_would_have_to_ignore(name: str, parameters: str, manager: Any) -> None:
    answer = manager.get(f"/api/v1/{name}/?{parameters}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == parameters.partition("=")[0]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_list_names_all_invalid_parameters_at_once(name: str, manager: Any) -> None:
    errors = manager.get(f"/api/v1/{name}/?colour=red&limit=0").json()["errors"]
    assert {error["field"] for error in errors} == {"colour", "limit"}
