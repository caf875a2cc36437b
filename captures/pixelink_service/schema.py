"""The service's OpenAPI document and its page, from the models that validate requests and build responses."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Literal, NamedTuple

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from captures.pixelink_service.bodies import (
    Captured,
    CaptureOptions,
    FeedQuery,
    Health,
    Invalid,
    Listed,
    ListQuery,
    Refused,
    Settings,
    SettingsUpdate,
)
from captures.pixelink_service.errors import Route

MODEL = "#/components/schemas/{model}"


class Operation(NamedTuple):
    summary: str
    answers: type[BaseModel] | None
    """None: an endless stream of pictures."""
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None


OPERATIONS: dict[tuple[str, str], Operation] = {
    ("get", "/health"): Operation("Whether the service and its camera work", Health),
    ("get", "/settings"): Operation("The camera's settings as last read back", Settings),
    ("put", "/settings"): Operation("Change settings", Settings, SettingsUpdate),
    ("post", "/capture"): Operation("Take one picture", Captured, CaptureOptions),
    ("get", "/captures/list"): Operation("The pictures that the service has saved", Listed, query=ListQuery),
    ("get", "/video/feed"): Operation("Live pictures, MJPEG", None, query=FeedQuery),
}


MODELS: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
    *((model, "validation") for model in (SettingsUpdate, CaptureOptions)),
    *((model, "serialization") for model in (Health, Settings, Captured, Listed, Refused, Invalid)),
]


def openapi() -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method] = describe_operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "PixeLink camera service", "version": version("skycam")},
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        # {}: a service without a token accepts requests without one.
        "security": [{}, {"token": []}],
    }


def describe_operation(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {"summary": operation.summary, "responses": responses(operation)}
    if operation.body:
        found["requestBody"] = {"required": True, "content": json_content(operation.body)}
    if operation.query:
        fields = operation.query.model_json_schema()["properties"]
        found["parameters"] = [{"name": name, "in": "query", "schema": schema} for name, schema in fields.items()]
    return found


def responses(operation: Operation) -> dict[str, Any]:
    picture = {"multipart/x-mixed-replace": {"schema": {"type": "string", "format": "binary"}}}
    found = {
        "200": {"description": "Done", "content": json_content(operation.answers) if operation.answers else picture},
        "default": {"description": "Refused or failed", "content": json_content(Refused)},
    }
    if operation.body or operation.query:
        found["422"] = {"description": "Invalid values", "content": json_content(Invalid)}
    return found


def json_content(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": MODEL.format(model=model.__name__)}}}


def schemas() -> dict[str, Any]:
    _, found = models_json_schema(MODELS, ref_template=MODEL)
    return dict(found["$defs"])


class SchemaRoute(Route):
    def get(self, _request: HttpRequest) -> HttpResponse:
        return JsonResponse(openapi())


class DocsRoute(Route):
    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "service/docs.html")
