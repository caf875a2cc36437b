"""The OpenAPI schema of the API, generated once in each process."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def api_schema() -> dict[str, Any]:
    """As it is served to a manager. It must not be changed."""
    from drf_spectacular.generators import SchemaGenerator

    from skycam_project.openapi import SchemaView

    found: dict[str, Any] = SchemaGenerator(urlconf=SchemaView.urlconf).get_schema(request=None, public=True)
    return found
