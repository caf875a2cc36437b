"""What a test uses: in its own code, in that of its fixtures, and in the functions and classes of the tests that these
name, to any depth."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any

import pytest

OURS = "tests."


def reaches(item: pytest.Item, goals: frozenset[str]) -> bool:
    """Whether it uses one of these functions and classes, each a `module.name` of the tests."""
    seen: set[Any] = set()
    waiting = list(functions_of(item))
    while waiting:
        if (value := waiting.pop()) not in seen:
            seen.add(value)
            if full_name(value) in goals:
                return True
            waiting += used_by(value)
    return False


def functions_of(item: pytest.Item) -> Iterator[Any]:
    """The test's, and those of its fixtures."""
    yield from ours([getattr(item, "obj", None)])
    definitions = getattr(item, "_fixtureinfo", None)
    yield from ours(fixtures[-1].func for fixtures in definitions.name2fixturedefs.values() if definitions)


def full_name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


@cache
def used_by(value: Any) -> list[Any]:
    """What the code of a function names; the bases and members of a class."""
    if isinstance(value, type):
        # A list first: a model of pydantic is built, and gets attributes, while its members are looked at.
        return list(ours([*value.__bases__, *map(code_of, [*vars(value).values()])]))
    function = code_of(value)
    return list(ours(named_in(function))) if isinstance(function, FunctionType) else []


def named_in(function: FunctionType) -> Iterator[Any]:
    names = set(names_in(function.__code__))
    yield from (function.__globals__.get(name) for name in names)
    # An import inside of the function has the name of a module, and those that it takes from there.
    imported = [import_module(name) for name in names if name.startswith(OURS)]
    yield from (getattr(module, name, None) for module in imported for name in names)


def names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def code_of(member: Any) -> Any:
    """The function of a method, a property, a decorated function or a property of Hypothesis."""
    for name in ("__func__", "fget", "func", "__wrapped__"):
        member = getattr(member, name, None) or member
    return getattr(getattr(member, "hypothesis", None), "inner_test", member)


def ours(values: Any) -> Iterator[Any]:
    """Those of the tests, as functions and classes."""
    for value in map(code_of, values):
        if isinstance(value, (FunctionType, type)) and str(getattr(value, "__module__", "")).startswith(OURS):
            yield value
