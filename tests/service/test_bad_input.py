"""Invalid requests to the service, and the form of its error responses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.runs.examples import examples
from tests.harness.stations.station import Station

FORM = "application/x-www-form-urlencoded"
OF_ANOTHER_ORIGIN_US = 4321
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2),
)


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        ({"exposure": "long"}, ["body", "exposure"], "float_parsing"),
        ({"exposure": 0.5}, ["body", "exposure"], "greater_than_equal"),
        ({"exposure": 0}, ["body", "exposure"], "greater_than_equal"),
        ({"exposure": True}, ["body", "exposure"], "number_not_boolean"),
        ({"exposure": 10**12}, ["body", "exposure"], "less_than_equal"),
        ({"gain": -1}, ["body", "gain"], "greater_than_equal"),
        ({"gain": []}, ["body", "gain"], "float_type"),
        ([], ["body"], "model_type"),
        (b"{", ["body"], "json_invalid"),
        (b"", ["body"], "missing"),
        (b'{"gain": NaN}', ["body", "gain"], "finite_number"),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/capture"), ("PUT", "/settings")])
def test_an_invalid_value_is_422_in_fastapis_form(
    station: Station, method: str, path: str, body: Any, loc: list[str], kind: str
) -> None:
    answer = station.service.request(method, path, body)
    assert answer.status == 422
    assert [(error["loc"], error["type"], set(error)) for error in answer.body["detail"]] == [
        (loc, kind, {"loc", "msg", "type"})
    ]


def test_every_invalid_value_is_named(station: Station) -> None:
    answer = station.service.capture(exposure="x", gain="y")
    assert [error["loc"][1] for error in answer.body["detail"]] == ["exposure", "gain"]


def test_numbers_may_be_sent_as_floats_and_unknown_keys_are_ignored(station: Station) -> None:
    assert station.service.capture(exposure=1000.0, gain="1.5", flash=True).status == 200
    assert station.service.capture(exposure=None).status == 200


@examples(40)
@given(exposure=anything, gain=anything)
def test_any_value_is_accepted_or_refused_with_422(station: Station, exposure: Any, gain: Any) -> None:
    answer = station.service.request("PUT", "/settings", {"exposure": exposure, "gain": gain})
    assert answer.status in {200, 422}, answer


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=10001"])
def test_an_invalid_query_is_422(station: Station, query: str) -> None:
    answer = station.service.request("GET", f"/captures/list?{query}")
    assert answer.status == 422
    assert answer.body["detail"][0]["loc"] == ["query", "limit"]


def test_the_list_is_limited(station: Station) -> None:
    [station.service.capture(exposure=1000) for _ in range(2)]
    assert station.service.request("GET", "/captures/list?limit=1").body["count"] == 1


@pytest.mark.parametrize("content_type", [FORM, "text/plain", "multipart/form-data; boundary=x"])
def test_an_html_form_of_another_site_is_refused(station: Station, content_type: str) -> None:
    """A browser sends such a body to any site without a preflight request."""
    answer = station.service.request("POST", "/capture", json.dumps({}).encode(), Content_Type=content_type)
    assert answer.status == 415
    assert answer.body == {"detail": "Content-Type must be application/json"}


def test_json_with_a_charset_is_accepted(station: Station) -> None:
    sent = station.service.request(
        "POST", "/capture", b'{"exposure": 1000}', Content_Type="application/json; charset=utf-8"
    )
    assert sent.status == 200


@pytest.mark.parametrize("name", ["evil.example", "localhost.evil.example:8001", "127.0.0.2", "a b"])
def test_an_unknown_host_name_is_refused(station: Station, name: str) -> None:
    answer = station.service.request("GET", "/health", Host=name)
    assert answer.status == 400
    assert answer.body["detail"] == "Invalid host header"


@pytest.mark.parametrize("name", ["localhost:8001", "127.0.0.1", "[::1]:8001"])
def test_the_names_of_this_machine_are_accepted(station: Station, name: str) -> None:
    assert station.service.request("GET", "/health", Host=name).status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:3001", "http://[x"])
def test_a_page_of_another_origin_cannot_change_anything(station: Station, origin: str) -> None:
    answer = station.service.request("POST", "/capture", {"exposure": OF_ANOTHER_ORIGIN_US}, Origin=origin)
    assert answer.status == 403
    assert answer.body["detail"] == "Origin not allowed"
    assert station.database.count("captures_capture WHERE asked LIKE ?", f"%{OF_ANOTHER_ORIGIN_US}%") == 0


def test_a_page_of_another_origin_cannot_read(station: Station) -> None:
    answer = station.service.request("GET", "/settings", Origin="https://evil.example")
    assert "access-control-allow-origin" not in answer.headers


def test_a_page_of_an_allowed_origin_can_use_the_service(station: Station) -> None:
    origin = "http://localhost:5173"
    request_headers = {
        "Origin": origin,
        "Access_Control_Request_Method": "PUT",
        "Access_Control_Request_Headers": "content-type",
    }
    before = station.service.request("OPTIONS", "/settings", **request_headers)
    assert before.status == 200
    assert before.headers["access-control-allow-origin"] == origin
    answer = station.service.request("POST", "/capture", {"exposure": 1000}, Origin=origin)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == origin


def test_the_services_own_page_can_use_the_service(station: Station) -> None:
    origin = f"http://127.0.0.1:{station.service_port}"
    assert station.service.request("POST", "/capture", {"exposure": 1000}, Origin=origin).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/nothing", 404, "Not Found"),
        ("GET", "/capture", 405, "Method Not Allowed"),
        ("DELETE", "/health", 405, "Method Not Allowed"),
        ("GET", "/api/v1/health/", 404, "Not Found"),
        ("GET", "/admin/", 404, "Not Found"),
    ],
)
def test_there_are_no_other_routes(station: Station, method: str, path: str, status: int, detail: str) -> None:
    answer = station.service.request(method, path)
    assert answer.status == status
    assert answer.body == {"detail": detail}


def test_a_body_of_more_than_a_mebibyte_is_refused(station: Station) -> None:
    answer = station.service.request("POST", "/capture", Content_Length=str(1024 * 1024 + 1))
    assert answer.status == 413
    assert answer.body == {"detail": "Request body too large"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/capture", "POST, OPTIONS"),
        ("POST", "/settings", "GET, PUT, HEAD, OPTIONS"),
        ("PATCH", "/health", "GET, HEAD, OPTIONS"),
        ("POST", "/docs", "GET, HEAD, OPTIONS"),
        ("PUT", "/openapi.json", "GET, HEAD, OPTIONS"),
    ],
)
@pytest.mark.parametrize("content_type", [FORM, "application/json"])
def test_a_missing_method_is_405_with_the_allowed_ones(
    station: Station, method: str, path: str, allowed: str, content_type: str
) -> None:
    answer = station.service.request(method, path, b"", Content_Type=content_type)
    assert answer.status == 405
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_an_unknown_path_is_404_with_any_body(station: Station, method: str) -> None:
    answer = station.service.request(method, "/captures", b"", Content_Type="text/plain")
    assert answer.status == 404
    assert answer.body == {"detail": "Not Found"}
