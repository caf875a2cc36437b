"""The service's OpenAPI document matches its routes."""

from __future__ import annotations

from drf_spectacular.validation import validate_schema

from captures.pixelink_service.schema import OPERATIONS, openapi
from captures.pixelink_service.urls import urlpatterns

UNDESCRIBED = {"/openapi.json", "/docs"}


def routes() -> set[tuple[str, str]]:
    found = {(f"/{pattern.pattern}", pattern.callback) for pattern in urlpatterns}
    return {
        (method, path)
        for path, view in found
        if path not in UNDESCRIBED
        for method in ("get", "post", "put", "delete", "patch")
        if hasattr(view.view_class, method)
    }


def test_exactly_the_existing_routes_are_described() -> None:
    assert routes() == set(OPERATIONS)


def test_the_document_is_valid_and_complete() -> None:
    schema = openapi()
    validate_schema(schema)
    assert {"Captured", "Settings", "Invalid", "CaptureOptions"} <= set(schema["components"]["schemas"])
    assert "capturedAt" in schema["components"]["schemas"]["Captured"]["properties"]
