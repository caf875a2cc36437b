"""Pages of a resource: the form that adds or changes a row, and what is done with a row by one press; and for a
resource that has no pages of its own the list of its rows, and a form for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from core.pages import Page, redirect_back
from core.resources.api import METHODS, found_by
from core.resources.forms import KindForm, ModelForm
from core.resources.resource import Operation, Refused, Resource
from core.resources.table import columns_of, table_of
from core.templatetags.skycam import clock, clock_text, moment


def time_text(value: str) -> str:
    """A time of an answer, for people."""
    at = moment(value)
    return clock_text(at) if at else value


class ResourcePage(Page):
    """What its POST does is `operation`; `back` is the name of the page that follows."""

    resource: ClassVar[Resource]
    operation: ClassVar[Operation]
    back: ClassVar[str]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except ObjectDoesNotExist:
            raise Http404 from None

    def row(self) -> Any:
        """The row in the URL. ObjectDoesNotExist."""
        (key,) = self.kwargs.values()
        return self.resource.find_row(self.request.user, key)

    def run(self, *given: Any) -> Any:
        """What the function of the operation returns."""
        return self.resource.run(self.operation, self.request.user, self.actor, *given)

    def succeed(self, row: Any, said: str = "") -> HttpResponse:
        """`said`: what people read, if it is not the operation's sentence."""
        body = self.resource.body(row, self.request.user)
        messages.success(self.request, said or self.resource.sentence(self.operation, body, time_text))
        return self.follow(row)

    def follow(self, _row: Any) -> HttpResponse:
        """The page after the operation."""
        return redirect(self.back)


class FormPage(ResourcePage):
    """The form of an operation with a request: of a new row, or of the row in the URL."""

    template = "resources/form.html"
    names: ClassVar[tuple[str, ...]] = ()
    """The fields of the form; without any, all."""
    kind_form: ClassVar[type[KindForm]] = KindForm

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return self.show(self.form(self.stored()))

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        row = self.stored()
        form = self.form(row, request.POST)
        if form.is_valid():
            try:
                return self.succeed(self.store(row, form.wanted))
            except ValidationError as error:
                form.add_errors(error)
            except Refused as error:
                form.add_error(None, str(error))
        return self.show(form, 400)

    def stored(self) -> Any:
        """The row that the form changes, if it changes one. ObjectDoesNotExist."""
        return self.row() if self.operation.name != "add" else None

    def form(self, row: Any, data: Any = None) -> ModelForm:
        request, user = self.operation.request, self.request.user
        assert request is not None
        if not self.resource.kinds:
            return ModelForm(request, data, user=user, row=row, names=self.names)
        kind = row.kind if row else self.new_kind()
        if kind not in self.resource.kind_table:
            raise Http404
        shown = self.resource.body(row, user)["settings"] if row else None
        names = [name for name in request.model_fields if name not in ("kind", "settings", "enabled")]
        fixed = None if row else {"kind": kind}
        model = self.resource.settings_model(kind)
        return self.kind_form(request, model, data, user=user, row=row, shown=shown, fixed=fixed, names=names)

    def new_kind(self) -> str:
        """The kind of a row that is added."""
        return str(self.kwargs["kind"])

    def store(self, row: Any, wanted: Any) -> Any:
        given = [wanted] if row is None else [row, wanted]
        return self.run(*given)

    def show(self, form: ModelForm, status: int = 200) -> HttpResponse:
        return self.render({**self.context(), "form": form}, status=status)

    def context(self) -> dict[str, Any]:
        """What the page shows beside the form."""
        return {}


class PressPage(ResourcePage):
    """Does something with the row in the URL."""

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        row = self.row()
        try:
            said = self.run(row)
        except (ValidationError, Refused) as error:
            messages.warning(request, " ".join(getattr(error, "messages", [str(error)])))
            return self.follow(row)
        return self.succeed(row, said if isinstance(said, str) else "")


class SwitchPage(ResourcePage):
    """Switches the row in the URL on or off."""

    effect: ClassVar[str] = ""
    """What people read besides, when it was switched off."""

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        assert self.operation.request is not None
        wanted: Any = self.operation.request
        enabled = request.POST.get("enabled") == "yes"
        row = self.run(self.row(), wanted(enabled=enabled))
        said = f"{row.name} is on." if enabled else f"{row.name} is off. {self.effect}"
        messages.success(request, said.strip())
        return self.follow(row)


def page_of(
    kind: type[ResourcePage], resource: Resource, name: str, back: str, *, readers: str = "", **attributes: Any
) -> Callable[..., HttpResponseBase]:
    """The view of a page for the operation of this name. `readers`: the role that sees the page, if it is a lower
    one."""
    operation = resource.operation(name)
    roles = {"POST": operation.role} if hasattr(kind, "post") else {}
    if hasattr(kind, "get"):
        roles["GET"] = readers or operation.role
    found = {"resource": resource, "operation": operation, "back": back, "roles": roles, **attributes}
    view: Any = type(f"{name.capitalize()}{kind.__name__}", (kind,), found)
    found_view: Callable[..., HttpResponseBase] = view.as_view()
    return found_view


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
