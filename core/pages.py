"""The base of every page: the lowest role for each method, and responses and redirects for browsers with and without
scripts; and of the forms on pages: Django's, rendered by our templates. `{{ form.name.as_field_group }}` renders a
field with its label, its unit, and its hint or its errors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View

from core.text.names import check_line


class Page(View):
    """A page or a part of one. `roles`: method -> the lowest role that may use it; other methods get 405."""

    roles: ClassVar[dict[str, str]] = {"GET": "viewer"}
    template: ClassVar[str] = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Django answers HEAD by `get`, so it needs the same role.
        needed = self.roles.get("GET" if request.method == "HEAD" else str(request.method))
        if needed is None:
            return self.http_method_not_allowed(request, *args, **kwargs)
        user: Any = request.user
        if not user.is_authenticated:
            return redirect_to_sign_in(request)
        if not user.may(needed):
            raise PermissionDenied(f"This needs the role {needed}; yours is {user.role}. Ask a manager.")
        return super().dispatch(request, *args, **kwargs)

    def render(self, context: dict[str, Any], template: str = "", status: int = 200) -> HttpResponse:
        return render(self.request, template or self.template, context, status=status)

    @property
    def actor(self) -> str:
        return str(self.request.user.get_username())


def is_htmx_request(request: HttpRequest) -> bool:
    """Whether htmx on one of our pages sent the request and expects a part of a page."""
    return request.headers.get("HX-Request") == "true"


def redirect_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Redirect to the sign-in page, which leads back afterwards; htmx redirects the whole page."""
    if not is_htmx_request(request):
        # Signing in cannot repeat a POST, whose address may know no GET.
        return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")
    # The browser would follow a redirect within htmx's request, and the sign-in page would appear inside a part of this
    # one.
    return HttpResponse(status=401, headers={"HX-Redirect": resolve_url("sign-in")})


def message_response(request: HttpRequest, tone: str, sentence: str, **more: Any) -> HttpResponse:
    """The outcome of an action: a partial for htmx, else a Django message on the page that the browser returns to.

    `tone` is ok, warn or bad. The trigger `acted` makes the page refresh itself.
    """
    if is_htmx_request(request):
        context = {"tone": tone, "sentence": sentence, **more}
        answer = render(request, "_message.html", context)
        answer.headers["HX-Trigger"] = "acted"
        return answer
    messages.add_message(request, MESSAGE_LEVELS[tone], " ".join(filter(None, [sentence, more.get("name")])))
    return redirect_back(request)


MESSAGE_LEVELS = {"ok": messages.SUCCESS, "warn": messages.WARNING, "bad": messages.ERROR}


def redirect_back(request: HttpRequest, otherwise: str = "/") -> HttpResponseRedirect:
    """Redirect to the page of the form if it is one of ours."""
    wanted = str(request.POST.get("next") or request.headers.get("Referer") or otherwise)
    # `next` and `Referer` come from the request: a form on another site could otherwise lead its user anywhere.
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(wanted if safe else otherwise)


def redirect_to(request: HttpRequest, address: str) -> HttpResponse:
    """Redirect to another page, also from a form in a dialog."""
    if is_htmx_request(request):
        # The browser would follow a redirect within htmx's request, and the page would appear inside the dialog.
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)


WAS = "was-"
"""Prefix of the hidden field with the value that the form showed (`show_hidden_initial`). A field that still has it was
not edited."""


# Django's default renderer knows only the templates of apps, not those of the project's folder.
class FormRenderer(TemplatesSetting):
    """Django's widgets in our field template; FORM_RENDERER of the settings."""

    field_template_name = "forms/field.html"


class PageField(BoundField):
    """A field below which is its hint, or instead of it its errors. Either describes the field to screen readers."""

    @property
    def hint_id(self) -> str:
        return f"{self.id_for_label or self.auto_id}-hint"

    @property
    def error_text(self) -> str:
        """All errors of the field."""
        return " ".join(str(error) for error in self.errors)

    @property
    def aria_describedby(self) -> str | None:
        return self.hint_id if self.errors or self.help_text else None

    def build_widget_attrs(self, attrs: Any, widget: Any = None) -> Any:
        """The first field with an error gets the focus; a group of choices gets none. A hidden field needs no id."""
        if (widget or self.field.widget).is_hidden:
            return {"id": False, **attrs}
        found = super().build_widget_attrs(attrs, widget)
        form: Any = self.form
        # A group has one widget for all its inputs, each of which would get the attribute.
        return {**found, "autofocus": True} if self.name == form.focused and not self.use_fieldset else found


class PageFormMixin(forms.BaseForm):
    """What our forms have beyond Django's. `ids` are the ids of the fields; `focus` is the field that has the focus
    while no field has an error; `wide` puts labels above the fields."""

    bound_field_class = PageField
    ids: ClassVar[str] = "id_%s"
    focus: ClassVar[str] = ""
    wide: ClassVar[bool] = False

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **{"auto_id": self.ids, **more})

    def add_initial_prefix(self, field_name: str) -> str:
        return f"{WAS}{field_name}"

    @property
    def focused(self) -> str:
        return next((name for name in self.fields if name in self.errors), self.focus)

    def add_errors(self, error: ValidationError) -> None:
        """Add the errors that a service found, each to its field; those of no field to the form."""
        by_field: dict[str, Any] = error.error_dict if hasattr(error, "error_dict") else {"": error}
        for name, found in by_field.items():
            self.add_error(name if name in self.fields else None, found)


class PageForm(PageFormMixin, forms.Form):
    """A form whose fields are fixed."""


class UnitInput(forms.TextInput):
    """A text field with its unit inside."""

    template_name = "forms/unit_input.html"

    def __init__(self, unit: str, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.unit = unit

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        return {**super().get_context(name, value, attrs), "unit": self.unit}


def validate_line(text: str) -> None:
    """ValidationError unless the text is one line without invisible characters."""
    try:
        check_line(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def same_message(sentence: str) -> dict[str, str]:
    """The `error_messages` of a field: one sentence that says what is allowed, whatever is wrong."""
    return dict.fromkeys(
        ("required", "max_length", "invalid", "invalid_choice", "null_characters_not_allowed"), sentence
    )


def short_choices(choices: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Choices without what explains them: the part of each label in brackets, after a colon or after a comma. A select
    is cut on a phone unless its labels have about 30 characters at most; the field's hint has the explanations."""
    return [(value, re.split(r" \(|[:,] ", label)[0]) for value, label in choices]


NAME_ATTRS = {"autocapitalize": "none", "spellcheck": "false"}
"""Attributes of a field for a name or an address, which no browser should correct."""
