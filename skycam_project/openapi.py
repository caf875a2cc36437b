"""The API's OpenAPI schema, generated from the types in the code: pydantic models and, for
responses, TypedDicts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, is_typeddict

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.plumbing import ResolvedComponent, resolve_type_hint
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.api.problems import ProblemBody
from core.registry import resolve
from core.resources.values import ModelAt, marker_of
from skycam_project.access.authentication import RolePermission
from skycam_project.operation_schema import problem_response


class RequestSchema(OpenApiSerializerExtension):
    """The schema of a pydantic model, as it validates."""

    target_class = BaseModel
    match_subclasses = True
    priority = 1

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        ref, is_answer = "#/components/schemas/{model}", direction == "response"
        mode: Any = "serialization" if is_answer else "validation"
        schema = for_programs(self.target.model_json_schema(mode=mode, ref_template=ref))
        parts = schema.pop("$defs", {})
        if is_answer:
            for one in (schema, *parts.values()):
                # A later version may answer with more.
                one.pop("additionalProperties", None)
        known = dict(nested_models(self.target))
        for name, part in parts.items():
            # The same object as of an answer that is this model alone; enumerations are only parts.
            one = ResolvedComponent(
                name=name, type=ResolvedComponent.SCHEMA, object=known.get(name, name), schema=part
            )  # fmt: skip
            auto_schema.registry.register_on_missing(one)
        return dict(schema)


def nested_models(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models within a type, by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation.__name__, annotation
        parts = [marked_model(about) or about.annotation for about in annotation.model_fields.values()]
    else:
        parts = list(get_args(annotation))
    for part in parts:
        yield from nested_models(part)


def marked_model(about: FieldInfo) -> type[BaseModel] | None:
    """The model that is imported when a value is read."""
    place = marker_of(about, ModelAt)
    model: type[BaseModel] | None = resolve(place.path) if place else None
    return model


class BodySchema(OpenApiSerializerExtension):
    """The schema of a TypedDict."""

    target_class = dict

    @classmethod
    def _matches(cls, target: Any) -> bool:
        return is_typeddict(target)

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return dict(without_nullable(resolve_type_hint(self.target)))


SECURITY: list[dict[str, list[str]]] = [{"token": []}, {"cookieAuth": []}]
"""Of all operations but those that say otherwise: a token, or the cookie of a signed-in browser."""
NULL = {"type": "null"}
FOR_PEOPLE = ("title", "example", "allowed", "secret", "file_only")


def without_nullable(schema: Any) -> Any:
    """Replace `nullable` of OpenAPI 3.0 with `type: [x, null]` of 3.1."""
    if isinstance(schema, list):
        return [without_nullable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: without_nullable(part) for name, part in schema.items() if name != "nullable"}
    if not schema.get("nullable"):
        return plain
    if "type" in plain:
        return plain | {"type": [plain["type"], "null"]}
    # A union has its types in its alternatives, and a reference to another schema has none.
    return {**plain, "oneOf": [*plain["oneOf"], NULL]} if "oneOf" in plain else {"anyOf": [plain, NULL]}


def for_programs(schema: Any) -> Any:
    """The schema without what is for people: the titles, by which generators of clients would name types though many
    models have a field of the same name, and what forms and commands add to a field."""
    if isinstance(schema, list):
        return [for_programs(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    # A field that is called title has a schema there, not a text.
    return {
        name: for_programs(part) for name, part in schema.items() if name not in FOR_PEOPLE or isinstance(part, dict)
    }


def complete_operations(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add what all operations have: the problem response, and who may use them."""
    result["security"] = SECURITY
    result["components"]["schemas"]["Problem"] = without_nullable(resolve_type_hint(ProblemBody))
    for path in result["paths"].values():
        for operation in path.values():
            operation["responses"]["default"] = problem_response("A problem (RFC 9457).")
            # The generator states none for an operation that needs no sign-in.
            stated = operation.pop("security", [])
            if stated != SECURITY:
                operation["security"] = stated
    return result


class SchemaView(SpectacularJSONAPIView):
    roles = {"GET": "viewer"}
    permission_classes = [RolePermission]


class DocsView(SpectacularSwaggerSplitView):
    """The API's documentation page. It uses only local files and no inline scripts."""

    roles = {"GET": "viewer"}
    permission_classes = [RolePermission]
    url_name = "schema"
    template_name = "openapi.html"
