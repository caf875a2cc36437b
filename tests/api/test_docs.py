"""docs/clients/api.md: its examples work, and its table of problems matches the code."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cameras.models import Camera
from core.api.problems import PROBLEMS
from core.idempotency.claims import OF_PROBLEM, Settlement
from skycam_project.access.models import User
from skycam_project.routing import sockets
from tests.harness.project import PROJECT

PAGE = (PROJECT / "docs" / "clients" / "api.md").read_text()
EXAMPLES = re.findall(r"```http\n(GET|POST) (\S+) ?(.*)\n(\d+)\n```", PAGE)
ROWS = re.findall(r"^\| `/problems/([a-z-]+)` \| (\d+) \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("method", "path", "body", "status"), EXAMPLES, ids=[example[1] for example in EXAMPLES])
def test_an_example_has_the_documented_status(
    method: str, path: str, body: str, status: str, operator: Any, camera: Camera
) -> None:
    User.objects.create_user(username="ada", password="analytical engine", role="operator")
    answer = operator.generic(method, path, body or "{}", content_type="application/json")
    assert answer.status_code == int(status), json.loads(answer.content)


def test_the_page_has_examples_and_every_problem() -> None:
    assert len(EXAMPLES) == 15
    assert {name: int(status) for name, status in ROWS} == {name: status for name, (status, _) in PROBLEMS.items()}


@pytest.mark.parametrize(
    ("begin", "settlement"), [("`invalid`", Settlement.FORGET), ("`internal`", Settlement.RUN_AGAIN)]
)
def test_the_page_lists_the_problems_that_are_not_stored(begin: str, settlement: Settlement) -> None:
    (row,) = re.findall(rf"^\| ({begin}.*?):", PAGE, re.MULTILINE)
    assert re.findall(r"`([a-z-]+)`", row) == [name for name, found in OF_PROBLEM.items() if found is settlement]


def test_the_page_has_every_websocket() -> None:
    listed = re.findall(r"^\| `(ws/[^`]+)` \|", PAGE, re.MULTILINE)
    assert listed == [route.replace("slug:", "") for route in sockets]
