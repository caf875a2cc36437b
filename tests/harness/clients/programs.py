"""Programs: clients of the API with a token."""

from __future__ import annotations

from typing import Any

from rest_framework.test import APIClient

from skycam_project.access.models import ApiToken, User


def program(role: str, scope: str = "manager", **fields: Any) -> APIClient:
    """A client with a token of a user of that role, capped at `scope`."""
    user = User.objects.create_user(username=f"program-{role}-{scope}", role=role)
    _, text = ApiToken.issue(user, scope=scope, **fields)
    return with_token(text)


def with_token(text: str) -> APIClient:
    return APIClient(headers={"authorization": f"Token {text}"})
