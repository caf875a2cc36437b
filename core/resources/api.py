"""The routes of a resource: a view for its rows, one for each row, and one for each action."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from drf_spectacular.utils import extend_schema
from pydantic import create_model
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.paging import page
from core.api.queries import PageQuery, Query
from core.idempotency.view import IdempotentView
from core.resources.fields import Fields, Rows, has_secret
from core.resources.resource import Operation, Resource

API = "/api/v1/"
ROW_OPERATIONS = ("show", "change", "replace", "remove")
"""Those of the route of a row itself."""


class ResourceView(IdempotentView):
    """One path of a resource. What its methods do are the functions below."""

    resource: ClassVar[Resource]

    def row(self, request: Request, key: UUID | str) -> Any:
        """ObjectDoesNotExist."""
        return self.resource.find_row(request.user, key)

    def wanted(self, operation: Operation, request: Request) -> list[Fields]:
        """ValidationError of pydantic."""
        return [operation.request.model_validate(request.data)] if operation.request else []


def list_rows(view: ResourceView, operation: Operation, request: Request) -> Response:
    resource, found = view.resource, {"results": view.resource.all_rows(request.user)}
    if operation.query is not None:
        found = found_by(operation.query.of(request), found["results"], request)
    return Response({**found, "results": resource.bodies(found["results"], request.user)})


def found_by(query: Query, rows: Any, request: Any) -> dict[str, Any]:
    """The rows that match as `results`, with the links of the page if there are pages."""
    matching = query.filtered(rows, request.user)
    if not isinstance(query, PageQuery):
        return {"results": matching}
    return {**page(matching, query, request, query.newest_by, row_itself)}


def row_itself(row: Any) -> Any:
    return row


def add_row(view: ResourceView, operation: Operation, request: Request) -> Response:
    wanted = view.wanted(operation, request)
    # Of an operation without a key nothing is reserved.
    new_id = {"new_id": view.reserved_id} if operation.takes_key else {}
    row = run(view, operation, request, *wanted, **new_id)
    body = view.resource.done(operation, row, request.user)
    has_route = any(one.name in ROW_OPERATIONS for one in view.resource.operations)
    location = {"Location": f"{API}{view.resource.path}{body[view.resource.key]}/"} if has_route else {}
    return Response(body, 201, headers={**location, **caching(operation)})


def show_row(view: ResourceView, operation: Operation, request: Request, key: UUID | str) -> Response:
    return Response(view.resource.done(operation, view.row(request, key), request.user))


def act_on_row(view: ResourceView, operation: Operation, request: Request, key: UUID | str) -> Response:
    row, wanted = view.row(request, key), view.wanted(operation, request)
    new_id = {"new_id": view.reserved_id} if operation.makes and operation.takes_key else {}
    found = run(view, operation, request, row, *wanted, **new_id)
    body = view.resource.done(operation, found, request.user)
    return Response(body, 201 if operation.makes else 200, headers=caching(operation))


def remove_row(view: ResourceView, operation: Operation, request: Request, key: UUID | str) -> Response:
    told = [operation.query.of(request)] if operation.query else []
    run(view, operation, request, view.row(request, key), *told)
    return Response(status=204)


def run(view: ResourceView, operation: Operation, request: Request, *given: Any, **new_id: UUID | None) -> Any:
    return view.resource.run(operation, request.user, request.user.get_username(), *given, **new_id)


def caching(operation: Operation) -> dict[str, str]:
    return {"Cache-Control": "no-store"} if operation.answer and has_secret(operation.answer) else {}


METHODS: dict[str, tuple[str, Callable[..., Response]]] = {
    "list": ("GET", list_rows),
    "add": ("POST", add_row),
    "show": ("GET", show_row),
    "change": ("PATCH", act_on_row),
    "replace": ("PUT", act_on_row),
    "remove": ("DELETE", remove_row),
}
ACTION = ("POST", act_on_row)


def routes_of(resource: Resource) -> list[URLPattern]:
    """Of the rows, of one row, and of each action on it; none of a resource without a path."""
    if not resource.path:
        return []
    rows = [one for one in resource.operations if one.name in ("list", "add")]
    row = [one for one in resource.operations if one.name in ROW_OPERATIONS]
    actions = [one for one in resource.operations if one.name not in METHODS]
    address = f"{resource.path}<{resource.converter}:{resource.parameter}>/"
    return [
        path(resource.path, view_of(resource, rows)),
        *([path(address, view_of(resource, row))] if row else []),
        *(path(f"{address}{one.name}/", view_of(resource, [one])) for one in actions),
    ]


def view_of(resource: Resource, operations: list[Operation]) -> Callable[..., HttpResponseBase]:
    methods = {method_of(one): one for one in operations}
    attributes: dict[str, Any] = {method.lower(): view_method(resource, one) for method, one in methods.items()}
    attributes["resource"] = resource
    attributes["roles"] = {method: one.role for method, one in methods.items()}
    attributes["idempotent"] = {method for method, one in methods.items() if one.takes_key}
    view: Any = type(f"{resource.answer.__name__}View", (ResourceView,), attributes)
    found_view: Callable[..., HttpResponseBase] = view.as_view()
    return found_view


def method_of(operation: Operation) -> str:
    return "PUT" if operation.replaces else METHODS.get(operation.name, ACTION)[0]


def view_method(resource: Resource, operation: Operation) -> Callable[..., Response]:
    run = METHODS.get(operation.name, ACTION)[1]

    def method(view: ResourceView, request: Request, **key: Any) -> Response:
        return run(view, operation, request, *key.values())

    method.__doc__ = operation.summary
    described = extend_schema(
        operation_id=f"{resource.name}_{operation.name.replace('-', '_')}",
        request=operation.request,
        parameters=operation.query.parameters() if operation.query else None,
        responses=answers_of(resource, operation),
    )
    return described(method)


def answers_of(resource: Resource, operation: Operation) -> Any:
    """For OpenAPI."""
    answer: Any = operation.answer or resource.answer
    if operation.name == "list":
        is_paged = operation.query is not None and issubclass(operation.query, PageQuery)
        name, base = ("Page", Rows) if is_paged else ("List", Fields)
        return create_model(f"{answer.__name__.removesuffix('Body')}{name}", __base__=base, results=(list[answer], ...))
    return {"add": {201: answer}, "remove": {204: None}}.get(
        operation.name, {201: answer} if operation.makes else answer
    )
