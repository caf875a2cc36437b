"""The base of every page: the lowest role for each method, and responses and redirects for browsers with and without
scripts."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View


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
