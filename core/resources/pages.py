"""Pages of a resource: the form that adds or changes a row, and what is done with a row by one press."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from core.pages.page import Page
from core.resources.forms import KindForm, ModelForm
from core.resources.resource import Operation, Refused, Resource
from core.templatetags.skycam import clock_text, moment


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
