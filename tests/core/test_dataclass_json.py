"""Dataclasses from JSON of another version; and no other code builds dataclasses from data of another process."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from core.dataclass_json import dataclass_from_json
from tests.harness.project import PROJECT

IN_A_CAMERA_PROCESS = (
    "cameras/drivers",
    "cameras/runtime",
    "cameras/spool",
    "cameras/live",
    "captures/stills",
    "captures/recordings/recorder",
)
OWN_FIELDS = {
    "Scene", "SceneSettings", "ExposureSettings", "Still", "Clip", "SettingRange", "AnswerReport", "ClipBody",
    "SettingsReport", "Field",
}  # fmt: skip
"""Classes that are built from fields of this program. AnswerReport, ClipBody and SettingsReport are TypedDicts, which
refuse no field; a Field is read from columns."""


@dataclass(frozen=True)
class Place:
    name: str
    height: int = 0


def test_an_unknown_key_is_ignored() -> None:
    assert dataclass_from_json(Place, {"name": "dome", "colour": "white"}) == Place("dome")


def test_a_missing_field_without_a_default_is_an_error() -> None:
    with pytest.raises(TypeError):
        dataclass_from_json(Place, {"height": 3})


def spread(source: str) -> Iterator[str]:
    """Names of the classes that a source file instantiates with `**something`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and any(word.arg is None for word in node.keywords):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name[:1].isupper() and not name.isupper():
                yield name


def test_no_code_instantiates_dataclasses_from_foreign_data_directly() -> None:
    files = [path for folder in IN_A_CAMERA_PROCESS for path in (PROJECT / folder).rglob("*.py")]
    found = {(path.name, name) for path in files for name in spread(path.read_text())}
    assert {(file, name) for file, name in found if name not in OWN_FIELDS} == set()
