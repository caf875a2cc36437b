"""The schema is valid, names every route and matches the API: requests generated from it never end in a 500."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.validation import validate_schema
from hypothesis import Phase, given
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from cameras.models import Camera
from skycam_project.access.models import ApiToken, User
from tests.harness.documents.api_schema import api_schema
from tests.harness.documents.route_table import lines_of
from tests.harness.runs.examples import examples

EXAMPLES = examples(12, few=2, phases=[Phase.generate])
DOCUMENTED = [line for line in lines_of("api/") if line.route not in {"api/v1/docs/", "api/v1/schema/"}]
PLACE = re.compile(r"<[^>]*?([a-z_]+)>")
OPERATIONS = sorted(PLACE.sub(r"{\1}", str(line)) for line in DOCUMENTED)
"""As the schema names them: `GET /api/v1/cameras/{slug}/`."""


def test_the_schema_is_valid_openapi(db: None) -> None:
    assert api_schema()["openapi"] == "3.1.0"
    validate_schema(api_schema())


def test_the_schema_states_its_server_and_who_may_use_it(db: None) -> None:
    assert [server["url"] for server in api_schema()["servers"]] == ["/"]
    assert api_schema()["security"] == [{"token": []}, {"cookieAuth": []}]
    stated = {
        path: item["post"]["security"]
        for path, item in api_schema()["paths"].items()
        if "post" in item and "security" in item["post"]
    }
    assert stated == {"/api/v1/auth/token/": [], "/api/v1/hosts/join/": []}


def test_the_schema_is_served_and_names_every_route(viewer: Any) -> None:
    answer = viewer.get("/api/v1/schema/")
    assert answer.status_code == 200
    found = [f"{method.upper()} {path}" for path, item in answer.json()["paths"].items() for method in item]
    assert sorted(found) == OPERATIONS
    assert answer.json()["paths"].keys() == api_schema()["paths"].keys()


def test_the_page_loads_nothing_from_other_origins_and_has_no_inline_script(viewer: Any) -> None:
    page = viewer.get("/api/v1/docs/").content.decode()
    assert "/static/drf_spectacular_sidecar/" in page
    assert "http://" not in page
    assert "https://" not in page
    assert page.count("<script") == page.count("<script src=")
    assert "<style" not in page
    assert "style=" not in page


def test_the_files_of_the_page_exist(viewer: Any) -> None:
    answer = viewer.get("/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js")
    assert answer.status_code == 200
    assert len(b"".join(answer)) > 1_000_000
    answer.close()


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Like Django's own test client: the end of a request does not close the test's database connection."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def api(camera: Camera, one_connection: None) -> Any:
    """The schema with the application behind it and a manager's token."""
    text = ApiToken.issue(User.objects.create_user(username="m", role="manager"))[1]
    application = get_wsgi_application()

    def signed_in(environ: dict[str, Any], start_response: Any) -> Any:
        return application({**environ, "HTTP_AUTHORIZATION": f"Token {text}", "HTTP_HOST": "localhost"}, start_response)

    loaded = loaded_schema()
    loaded.app = signed_in
    return loaded


@cache
def loaded_schema() -> Any:
    return schemathesis.openapi.from_dict(json.loads(json.dumps(api_schema())))


@pytest.mark.generated
@pytest.mark.parametrize("operation", OPERATIONS)
def test_requests_generated_from_the_schema_do_not_break_the_api(
    operation: str, api: Any, camera: Camera, no_wait_for_frames: None
) -> None:
    method, path = operation.split()
    strategy = api[path][method].as_strategy()

    @EXAMPLES
    @given(case=strategy)
    def answers(case: Any) -> None:
        case.path_parameters |= {"slug": "sky"} if "slug" in case.path_parameters else {}
        case.call_and_validate(
            checks=[not_a_server_error_but_503, response_schema_conformance, content_type_conformance]
        )

    answers()


def not_a_server_error_but_503(ctx: Any, response: Any, case: Any) -> None:
    """No host runs here: 503 and a camera's errors are correct answers; 500 never is."""
    if response.status_code == 500:
        not_a_server_error(ctx, response, case)
