"""One function resolves the dotted paths of every table."""

from __future__ import annotations

import pytest

from core.registry import iterate_paths, resolve
from skycam_project.checks import TABLES

LABELLED = {"first": ("A label", "core.registry.resolve"), "second": "core.registry.iterate_paths"}
UNNAMED = ("core.registry.resolve",)


def test_a_path_names_an_object_of_a_module() -> None:
    assert resolve("core.registry.resolve") is resolve
    assert resolve("core.registry:resolve") is resolve


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("core.nowhere.resolve", "core.nowhere"),
        ("core.registry.nothing", "core.registry has no 'nothing'"),
        ("x", "'x'"),
    ],
)
def test_a_path_that_leads_nowhere_is_named(path: str, named: str) -> None:
    with pytest.raises(ImportError, match=named):
        resolve(path)


def test_an_entry_is_a_path_or_a_label_and_a_path() -> None:
    found = list(iterate_paths(f"{__name__}.LABELLED"))
    assert found == [("first", "core.registry.resolve"), ("second", "core.registry.iterate_paths")]


def test_a_table_without_keys_is_a_tuple() -> None:
    assert list(iterate_paths(f"{__name__}.UNNAMED")) == [(0, "core.registry.resolve")]


@pytest.mark.parametrize("table", TABLES)
def test_each_path_of_each_table_is_resolved(table: str) -> None:
    assert all(resolve(path) for _, path in iterate_paths(table))
