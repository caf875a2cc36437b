"""What each resource must have, whatever it is."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.registry import resolve
from core.resources.fields import Fields
from core.resources.resource import Operation, Resource
from core.resources.table import columns_of, field_at
from skycam_project.resources import RESOURCES
from tests.harness.project import PROJECT

ARGUMENTS = {
    "list": ["user"],
    "show": ["user", "key"],
    "add": ["wanted", "actor", "new_id"],
    "change": ["row", "wanted", "actor"],
}
"""What the function of an operation is called with, in this order."""


def resources() -> list[Any]:
    return [pytest.param(resolve(path), id=name) for name, path in RESOURCES.items()]


def operations() -> list[Any]:
    return [
        pytest.param(resource.values[0], operation, id=f"{resource.id}-{operation.name}")
        for resource in resources()
        for operation in resource.values[0].operations
    ]


def function_of(resource: Resource, operation: Operation) -> Any:
    if is_method(resource, operation):
        return getattr(resolve(f"{resource.package}.{resource.service}"), operation.run)
    name = {"list": resource.rows, "show": resource.row or resource.rows}.get(operation.name, operation.run)
    return resolve(f"{resource.package}.{name}")


def is_method(resource: Resource, operation: Operation) -> bool:
    return bool(resource.service and operation.run)


def arguments_of(resource: Resource, operation: Operation) -> list[str]:
    of_action = [
        "row",
        *["wanted"] * bool(operation.request or operation.query),
        "actor",
        *["new_id"] * operation.makes,
    ]
    is_any_row = operation.name == "show" and not resource.row
    found = ARGUMENTS.get("list" if is_any_row else operation.name, of_action)
    return ["self", *(one for one in found if one != "actor")] if is_method(resource, operation) else found


def names(model: type[Fields]) -> list[str]:
    return [about.alias or name for name, about in model.model_fields.items()]


@pytest.mark.parametrize(("resource", "operation"), operations())
def test_the_function_of_an_operation_takes_the_arguments_of_all_such_functions(
    resource: Resource, operation: Operation
) -> None:
    inspect.signature(function_of(resource, operation)).bind(*arguments_of(resource, operation))


@pytest.mark.parametrize(("resource", "operation"), operations())
def test_the_texts_of_an_operation_are_whole_sentences(resource: Resource, operation: Operation) -> None:
    texts = [operation.summary, operation.said or ".", operation.keyless or "."]
    # What is to be copied stands at the end.
    assert [text for text in texts if not text.endswith((".", "{line}"))] == []


@pytest.mark.parametrize(("resource", "operation"), operations())
def test_what_is_said_after_an_operation_names_fields_of_the_answer(resource: Resource, operation: Operation) -> None:
    body = dict.fromkeys(names(operation.answer or resource.answer), "")
    assert "{" not in operation.said.format_map(body)


@pytest.mark.parametrize(("resource", "operation"), operations())
def test_arguments_of_the_command_are_fields_of_the_request(resource: Resource, operation: Operation) -> None:
    known = operation.request.model_fields if operation.request else {}
    assert {*operation.arguments} <= {*known}


@pytest.mark.parametrize(("resource", "operation"), operations())
def test_each_field_of_a_request_has_a_label_and_a_hint(resource: Resource, operation: Operation) -> None:
    fields = operation.request.model_fields if operation.request else {}
    assert [name for name, about in fields.items() if not (about.title and about.description)] == []


@pytest.mark.parametrize("resource", resources())
def test_the_columns_of_the_table_are_fields_of_the_answer(resource: Resource) -> None:
    shown = [field_at(resource.answer, name) for _, name in columns_of(resource)]
    assert shown


@pytest.mark.parametrize("resource", resources())
def test_a_row_is_found_by_a_field_of_the_answer(resource: Resource) -> None:
    assert {resource.key, resource.name_field} <= {*names(resource.answer)}


def test_the_name_of_a_resource_is_its_name_in_the_table() -> None:
    assert {name: resolve(path).name for name, path in RESOURCES.items()} == {name: name for name in RESOURCES}


START = """
import django, sys
django.setup()
print(*[name for name in sys.modules if name.endswith(".resource")])
"""


def test_a_start_imports_no_description_of_a_resource(tmp_path: Path) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "skycam_project.settings", "SKYCAM_DATA": str(tmp_path)}
    found = subprocess.run(
        [sys.executable, "-c", START], cwd=PROJECT, env=environment, check=True, capture_output=True, text=True
    )
    assert found.stdout.split() == []
