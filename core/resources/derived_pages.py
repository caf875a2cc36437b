"""The pages of a resource that has none of its own: the list of its rows, and a form for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from core.pages.page import redirect_back
from core.resources.api import METHODS, found_by
from core.resources.pages import FormPage, PressPage, ResourcePage, page_of
from core.resources.resource import Operation, Resource
from core.resources.table import columns_of, table_of
from core.templatetags.skycam import clock


def heading_of(resource: Resource) -> str:
    """`Maintenance windows`"""
    return resource.name.replace("_", " ").capitalize()


def label_of(operation: Operation) -> str:
    return operation.name.replace("-", " ").capitalize()


def address_of(resource: Resource, name: str, user: Any, *args: Any) -> str:
    """Of the page of an operation; empty if there is none, or the user may not use it."""
    known = {one.name: one.role for one in resource.operations}
    return reverse(f"{name}-{resource.name}", args=args) if name in known and user.may(known[name]) else ""


class DerivedListPage(ResourcePage):
    """The rows that the reader may see, each with a link to its form and a button for each action that asks for
    nothing. A filter of the API in the address applies here, too."""

    template = "resources/list.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        resource, user = self.resource, request.user
        rows, older = self.rows(request)
        bodies = resource.bodies(rows, user)
        columns = [(title.capitalize(), name) for title, name in columns_of(resource)]
        cells = table_of(resource, bodies, user, clock)
        shown = [
            {
                "address": self.address("change", body[resource.key]),
                "cells": [(title, page_cell(row[name])) for title, name in columns],
                "actions": list(self.actions(body)),
            }
            for body, row in zip(bodies, cells, strict=True)
        ]
        context = {
            "heading": heading_of(resource),
            "columns": " | ".join([title for title, _ in columns] + ["(Actions)"]),
            "rows": shown,
            "empty": resource.empty,
        }
        newest = request.path if "cursor" in request.GET else ""
        return self.render({**context, "add": self.add_links(), "older": older, "newest": newest})

    def rows(self, request: HttpRequest) -> tuple[Any, str]:
        """The rows of the page, and the address of older ones."""
        found = self.resource.all_rows(request.user)
        if self.operation.query is None:
            return found, ""
        query: Any = self.operation.query.lenient(request.GET)
        part = found_by(query, found, request)
        return part["results"], part.get("next") or ""

    def address(self, name: str, *args: Any) -> str:
        return address_of(self.resource, name, self.request.user, *args)

    def actions(self, body: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """Label and address of each."""
        for operation in presses(self.resource):
            if address := self.address(operation.name, body[self.resource.key]):
                yield label_of(operation), address

    def add_links(self) -> list[tuple[str, str]]:
        """Label and address: one for each kind that a form can add, if rows have kinds."""
        if not self.resource.kinds:
            address = self.address("add")
            return [(f"Add a {self.resource.noun}", address)] if address else []
        kinds = [(f"Add: {label}", self.address("add", kind)) for kind, label in self.resource.form_kinds().items()]
        return [(label, address) for label, address in kinds if address]


class DerivedPressPage(PressPage):
    def follow(self, _row: Any) -> HttpResponse:
        return redirect_back(self.request, reverse(self.back))


class DerivedFormPage(FormPage):
    """`where`: the title of the page that it belongs to."""

    where: ClassVar[str]

    def context(self) -> dict[str, Any]:
        row, resource = self.stored(), self.resource
        found = {"where": self.where, "address": reverse(self.back)}
        if row is None:
            return {**found, "heading": f"Add a {resource.noun}", "button": "Add"}
        body = resource.body(row, self.request.user)
        found |= {"heading": body[resource.name_field], "button": "Save"}
        if removal := address_of(resource, "remove", self.request.user, body[resource.key]):
            found |= {"remove": removal, "remove_effect": resource.operation("remove").summary}
        return found


def page_cell(value: Any) -> str:
    """Empty for nothing."""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def presses(resource: Resource) -> list[Operation]:
    """Actions that ask for nothing."""
    return [one for one in resource.operations if one.name not in METHODS and one.request is None and not one.answer]


def pages_of(resource: Resource, back: str = "", where: str = "") -> list[URLPattern]:
    """A form for a new row, one for each row with its removal, and what is done by one press. They lead to the page
    `back`, whose title is `where`; without it to a page with the list, whose name is that of the resource. Their own
    names begin with the operation, such as `add-notification_routes`."""
    name, known = resource.name, {one.name for one in resource.operations}
    row = f"<{resource.converter}:{resource.parameter}>/"
    pages = {
        "add": ("add/<slug:kind>/" if resource.kinds else "add/", DerivedFormPage),
        "change": (row, DerivedFormPage),
        "remove": (f"{row}remove/", PressPage),
        **{one.name: (f"{row}{one.name}/", DerivedPressPage) for one in presses(resource)},
    }
    own = {"back": back or name, "where": where or heading_of(resource)}
    found = [
        path(address, page_of(kind, resource, one, **own), name=f"{one}-{name}")
        for one, (address, kind) in pages.items()
        if one in known
    ]
    listed = [] if back else [path("", page_of(DerivedListPage, resource, "list", name), name=name)]
    return [*listed, *found]
