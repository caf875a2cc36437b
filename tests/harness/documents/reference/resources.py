"""The resources of docs/clients/contracts.md: the fields of each, of its answers and of its requests, with types and
limits."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from pydantic import BaseModel

from core.registry import resolve
from core.resources.resource import Resource
from core.resources.values import is_time
from skycam_project.resources import RESOURCES
from tests.harness.documents.reference.markdown import escaped

TYPES = {"integer": "integer", "number": "number", "boolean": "boolean", "object": "object", "string": ""}
FORMATS = {"uuid": "id", "date-time": "time", "date": "date"}


def resource_sections() -> str:
    return "\n\n".join(section(resolve(path)) for path in RESOURCES.values())


def section(resource: Resource) -> str:
    requests = dict(requests_of(resource))
    # A field that requests have, too, is described there.
    described = {name for model in requests.values() for name in schema_of(model)["properties"]}
    lines = [line(label, model, described, left_out) for label, model, left_out in answers_of(resource)]
    described = set()
    for label, model in requests.items():
        lines.append(line(label, model, described))
        described |= {*schema_of(model)["properties"]}
    heading = resource.name.replace("_", " ").capitalize()
    return "\n\n".join(filter(None, [f"### {heading}", resource.path and f"`{resource.path}`", "\n".join(lines)]))


def answers_of(resource: Resource) -> Iterator[tuple[str, type[BaseModel], set[str]]]:
    """The label and the model of each, and the fields that it has from the first one."""
    yield "answer:", resource.answer, set()
    found: dict[type[BaseModel], list[str]] = {}
    for operation in resource.operations:
        if operation.answer not in {None, resource.answer}:
            found.setdefault(operation.answer or resource.answer, []).append(operation.name)
    for model, names in found.items():
        label = f"answer of {', '.join(names)}"
        if issubclass(model, resource.answer):
            yield f"{label}: also", model, {*schema_of(resource.answer)["properties"]}
        else:
            yield f"{label}:", model, set()


def requests_of(resource: Resource) -> Iterator[tuple[str, type[BaseModel]]]:
    """Operations with the same fields together."""
    found: dict[type[BaseModel], list[str]] = {}
    for operation in resource.operations:
        if operation.request is not None:
            found.setdefault(operation.request, []).append(operation.name)
    yield from ((f"{', '.join(names)}:", model) for model, names in found.items())


def line(label: str, model: type[BaseModel], described: set[str], left_out: Collection[str] = ()) -> str:
    schema, fields = schema_of(model), list[str]()
    required = {*schema.get("required", [])} if not label.startswith("answer") else set()
    for name, about in schema["properties"].items():
        text = "" if name in described else described_field(model, name, about, schema)
        shown = f"**`{name}`**" if name in required else f"`{name}`"
        fields += [] if name in left_out else [f"{shown} ({escaped(text)})" if text else shown]
    return f"- {label} {', '.join(fields)}"


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def described_field(model: type[BaseModel], name: str, about: dict[str, Any], schema: dict[str, Any]) -> str:
    """Type and limits, and what holds without it. Empty for a text without limits."""
    field = next(one for key, one in model.model_fields.items() if (one.alias or key) == name)
    kind = about.get("allowed") or type_of(about, schema)
    if is_time(field):
        kind = "time or null" if "anyOf" in about else "time"
    default = about.get("unset") or value_text(about.get("default"))
    return ", ".join(filter(None, [kind, f"default {default}" if default else ""]))


def value_text(value: Any) -> str:
    """Empty for nothing."""
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).lower() if value not in (None, {}) else ""
    return number_text(value)


def number_text(number: float) -> str:
    return f"{number:.15g}"


def type_of(about: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in about:
        about = schema["$defs"][about["$ref"].rpartition("/")[2]]
    if "anyOf" in about:
        return " or ".join(dict.fromkeys(type_of(one, schema) or "text" for one in about["anyOf"]))
    if "enum" in about:
        return " or ".join(map(str, about["enum"]))
    if about.get("type") == "null":
        return "null"
    if about.get("type") == "array":
        return f"list of {type_of(about.get('items', {}), schema) or 'texts'}"
    kind = FORMATS.get(about.get("format", "")) or TYPES.get(about.get("type", ""), "")
    return " ".join(filter(None, [kind, limits_of(about)]))


def limits_of(about: dict[str, Any]) -> str:
    if "maxLength" in about:
        least = f"{about['minLength']} to " if "minLength" in about else "up to "
        return f"{least}{about['maxLength']} characters"
    low, high = about.get("minimum", about.get("exclusiveMinimum")), about.get("maximum")
    if low is None:
        return "" if high is None else f"up to {number_text(high)}"
    return f"from {number_text(low)}" if high is None else f"{number_text(low)} to {number_text(high)}"
