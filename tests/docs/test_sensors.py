"""docs/operating/sensors.md: each kind has a section, and its table has all settings."""

from __future__ import annotations

import pytest

from monitoring.sensors.driver import Option
from monitoring.sensors.kinds import SENSORS, driver_class
from tests.harness.documents.pages import page

PAGE = "docs/operating/sensors.md"


def row(option: Option) -> str:
    value = str(option.default).lower() if option.type is bool else str(option.default)
    default = "required" if option.required else f"`{value}`" if value else "none"
    marks = " Secret: stored encrypted, never shown." if option.secret else ""
    marks += " In the configuration file alone." if option.from_file_only else ""
    return f"| `{option.name}` | {default} | {option.meaning}{marks} |"


@pytest.mark.parametrize("kind", SENSORS)
def test_each_kind_has_a_section_with_all_its_settings(kind: str) -> None:
    _, _, kinds = page(PAGE).partition("\n## Kinds\n")
    _, heading, rest = kinds.partition(f"\n### {kind}: ")
    assert heading
    _, _, table = rest.partition("\n### ")[0].partition("\n| setting | default | meaning |\n|---|---|---|\n")
    assert table.partition("\n\n")[0].splitlines() == [row(option) for option in driver_class(kind).options]
