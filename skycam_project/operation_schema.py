"""The OpenAPI schema of one operation: the header Idempotency-Key, and its problems, where the view takes a key.

A module of its own: `extend_schema` imports it while `skycam_project/openapi.py` is still being loaded.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from core.api.problems import PROBLEMS
from core.idempotency.claims import HEADER, KEY_PATTERN, REPLAYED
from core.idempotency.view import takes_key

IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    {"type": "string", "pattern": KEY_PATTERN},
    OpenApiParameter.HEADER,
    description=f"Of your choice. A repetition with the same key gets the first answer, with `{REPLAYED}: true`.",
)
PROBLEMS_OF_KEYS = ("idempotency-running", "idempotency-mismatch")


class OperationSchema(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        key = [IDEMPOTENCY_KEY] if takes_key(type(self.view), self.method) else []
        return [*super().get_override_parameters(), *key]

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation: Any = super().get_operation(*args, **kwargs)
        if operation and takes_key(type(self.view), self.method):
            for name in PROBLEMS_OF_KEYS:
                status, title = PROBLEMS[name]
                operation["responses"][str(status)] = problem_response(f"`{name}`: {title}; or another problem.")
        return operation


def problem_response(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
