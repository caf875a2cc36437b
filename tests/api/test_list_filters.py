"""All lists of the API treat their parameters alike. docs/decisions/filtering.md says why."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from core.api.queries import PageQuery
from tests.harness.documents.pages import page

DOCUMENTED = dict(re.findall(r"^\| `(?!ws/)([a-z/]+)/` \| (.+) \|$", page("docs/clients/api.md"), re.MULTILINE))
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


def refused_fields(answer: Any) -> list[str]:
    return [error["field"] for error in answer.json()["errors"]] if answer.status_code == 400 else []


def test_every_list_refuses_parameters_that_it_would_have_to_ignore(manager: Any) -> None:
    accepted = [
        path
        for name, parameters in product(DOCUMENTED, INVALID)
        if refused_fields(manager.get(path := f"/api/v1/{name}/?{parameters}"))[:1] != [parameters.partition("=")[0]]
    ]
    assert accepted == []


def test_every_list_names_all_invalid_parameters_at_once(manager: Any) -> None:
    refused = {name: refused_fields(manager.get(f"/api/v1/{name}/?colour=red&limit=0")) for name in DOCUMENTED}
    assert {name: fields for name, fields in refused.items() if set(fields) != {"colour", "limit"}} == {}
