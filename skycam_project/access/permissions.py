"""Permissions by role: each API view declares them in `roles`. A view without `roles` refuses every request."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

ANYONE = "anyone"


class RolePermission(BasePermission):
    """Reads the view's `roles`: method -> the lowest role that may use it, or `anyone`."""

    message = "You may not do this."

    def has_permission(self, request: Request, view: Any) -> bool:
        needed = needed_role(view, str(request.method))
        if needed == ANYONE:
            return True
        if not request.user.is_authenticated:
            return False
        if needed is None:
            # DRF checks permissions first: a method that the view does not have passes here and gets 405.
            return not hasattr(view, str(request.method).lower())
        self.message = f"This needs the role {needed}; yours is {request.user.role}. Ask a manager."
        return bool(request.user.may(needed))


def needed_role(view: Any, method: str) -> str | None:
    """None where the view declares no role for the method."""
    roles: dict[str, str] = getattr(view, "roles", {})
    return roles.get("GET" if method == "HEAD" else method)
