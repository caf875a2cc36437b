"""docs/operating/sensors.md: each kind has a section, and its table has all settings."""

from __future__ import annotations

import pytest
from pydantic.fields import FieldInfo

from core.resources.fields import extra_of
from monitoring.sensors.driver import SENSORS
from monitoring.sensors.settings import settings_model
from tests.harness.documents.pages import page

PAGE = "docs/operating/sensors.md"


def row(name: str, about: FieldInfo) -> str:
    value = str(about.default).lower() if about.annotation is bool else str(about.default)
    default = "required" if about.is_required() else f"`{value}`" if value else "none"
    marks = " Secret: stored encrypted, never shown." if extra_of(about, "secret") else ""
    marks += " In the configuration file alone." if extra_of(about, "file_only") else ""
    return f"| `{name}` | {default} | {about.description}{marks} |"


@pytest.mark.parametrize("kind", SENSORS)
def test_each_kind_has_a_section_with_all_its_settings(kind: str) -> None:
    _, _, kinds = page(PAGE).partition("\n## Kinds\n")
    _, heading, rest = kinds.partition(f"\n### {kind}: ")
    assert heading
    _, _, table = rest.partition("\n### ")[0].partition("\n| setting | default | meaning |\n|---|---|---|\n")
    fields = settings_model(kind).model_fields
    assert table.partition("\n\n")[0].splitlines() == [row(name, about) for name, about in fields.items()]
