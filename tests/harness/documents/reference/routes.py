"""The tables of docs/clients/routes.md: each route with the lowest role for each method, as its view declares it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from skycam_project.routing import sockets

OF_A_CAMERA = re.compile(r"<(?:slug:slug|uuid:(?:alert|archive|capture|clip|experiment|job|schedule|session|silence))>")
"""The rows that are not there for users who may not see their camera."""
ADMIN_WITH_FORMS = re.compile(r"admin/(?:cleanup|captures/(?:archive|capture|clip|experiment))/")
BY_HAND = {"admin/logout/", "admin/password_change/", "admin/(?P<url>.*)$"}
GROUPS = ("Pages", "API", "WebSockets", "The admin")


def route_tables() -> str:
    found: dict[str, list[str]] = {group: [] for group in GROUPS}
    for route, roles in declared():
        hidden = "not there" if OF_A_CAMERA.search(route) and {*roles.values()} & {"viewer", "operator"} else ""
        methods = ", ".join(f"{method} {role}" for method, role in roles.items())
        found[group_of(route)].append(f"| `/{route}` | {methods} | {hidden} |")
    head = "| route | lowest role | hidden camera |\n|---|---|---|"
    return "\n\n".join(f"## {group}\n\n" + "\n".join([head, *rows]) for group, rows in found.items())


def declared() -> Iterator[tuple[str, dict[str, str]]]:
    """Each route once, with the lowest role for each method; the first view of a route serves it."""
    found = {route: roles_of(route, view) for route, view in reversed([*routes(get_resolver().url_patterns)])}
    yield from ((route, roles) for route, roles in reversed(found.items()) if roles and route not in BY_HAND)
    yield from ((route, {"WS": "viewer"}) for route in sockets)


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The route and the view of each URL."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern), pattern.callback


def roles_of(route: str, view: Any) -> dict[str, str]:
    """Method -> role. Empty for views of Django and those before the sign-in, which declare none: a person writes their
    answers."""
    if route.startswith("admin/"):
        return admin_roles(route)
    roles: dict[str, str] = getattr(getattr(view, "cls", None) or getattr(view, "view_class", None), "roles", {})
    return roles


def admin_roles(route: str) -> dict[str, str]:
    if "<slug:action>" in route:
        return {"POST": "manager"}
    return dict.fromkeys(["GET", "POST"] if ADMIN_WITH_FORMS.fullmatch(route) else ["GET"], "manager")


def group_of(route: str) -> str:
    first = route.split("/", maxsplit=1)[0]
    return {"api": "API", "ws": "WebSockets", "admin": "The admin"}.get(first, "Pages")
