"""Redirects of pages."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from core.pages.page import is_htmx_request


def redirect_to(request: HttpRequest, address: str) -> HttpResponse:
    """Redirect to another page, also from a form in a dialog."""
    if is_htmx_request(request):
        # The browser would follow a redirect within htmx's request, and the page would appear inside the dialog.
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return redirect(address)
