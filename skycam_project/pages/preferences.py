"""A reader's preferences, in cookies: theme, brightness of pictures in the red theme, station time or UTC, quality of
live pictures.

The server renders them into the page, so that pages neither flash nor need a script for them.
"""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_POST

from cameras.live.presets import PRESETS
from core.pages import redirect_back
from core.station_zone import LazyZone, station_zone

THEMES = {"system": "Auto", "light": "Light", "dark": "Dark", "red": "Red"}
CLOCKS = {"local": "Station", "utc": "UTC"}
QUALITIES = {name: name.capitalize() for name in reversed(PRESETS)}
BRIGHTNESS = {str(percent): f"{percent} %" for percent in range(100, 0, -10)}
CHOICES = {"theme": THEMES, "clock": CLOCKS, "quality": QUALITIES, "brightness": BRIGHTNESS}
YEAR_S = 365 * 86_400


class PreferencesForm(forms.Form):
    """The choices of a button or a slider: mostly one of the fields is sent. What is no choice changes nothing."""

    theme = forms.ChoiceField(choices=list(THEMES.items()), required=False)
    clock = forms.ChoiceField(choices=list(CLOCKS.items()), required=False)
    quality = forms.ChoiceField(choices=list(QUALITIES.items()), required=False)
    brightness = forms.ChoiceField(choices=list(BRIGHTNESS.items()), required=False)


def preferences(request: HttpRequest) -> dict[str, str]:
    """Of each preference the cookie's value if it is one of the choices; else the first choice."""
    wanted = {name: request.COOKIES.get(name, "") for name in CHOICES}
    return {name: wanted[name] if wanted[name] in choices else next(iter(choices)) for name, choices in CHOICES.items()}


@require_POST
def save_preferences(request: HttpRequest) -> HttpResponse:
    """Store the form's choices and redirect back. Works without a sign-in, too."""
    response, form = redirect_back(request), PreferencesForm(request.POST)
    # The result is not needed: an invalid field has no entry in `cleaned_data`.
    form.is_valid()
    for name, wanted in form.cleaned_data.items():
        if wanted:
            # Not HttpOnly: the scripts that apply a choice at once write the same cookies.
            response.set_cookie(name, wanted, max_age=YEAR_S, samesite="Lax", secure=request.is_secure())
    return response


class TimeZoneMiddleware:
    """Shows times on pages in station time or UTC, as the reader has chosen. The API always uses UTC."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith("/api/") or preferences(request)["clock"] == "utc":
            return self.get_response(request)
        with timezone.override(LazyZone(station_zone)):
            return self.get_response(request)
