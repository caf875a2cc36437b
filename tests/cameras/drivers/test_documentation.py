"""docs/cameras/drivers.md names all settings and abilities."""

from __future__ import annotations

import inspect
import re
from abc import ABC

import pytest

from cameras.drivers import DRIVERS, abilities, driver_class
from cameras.drivers.opencv.source import FORMATS
from cameras.drivers.simulated.settings import DEFAULTS
from tests.harness.project import PROJECT

PAGE = PROJECT / "docs" / "cameras" / "drivers.md"


@pytest.mark.parametrize("name", sorted({*DEFAULTS, *FORMATS} - {"temperature_swing_celsius", "temperature_period_s"}))
def test_the_page_names_every_setting_and_ending(name: str) -> None:
    assert name in PAGE.read_text()


def test_the_page_says_which_kinds_have_which_ability() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (`[^|]+`) \| ([a-z0-9, ]+) \|$", PAGE.read_text(), re.MULTILINE)
    named = {ability: (methods.strip("`").split("`, `"), kinds.split(", ")) for ability, methods, kinds in rows}
    classes = [found for _, found in inspect.getmembers(abilities, inspect.isclass) if found.__bases__ == (ABC,)]
    has = {found: sorted(kind for kind in DRIVERS if issubclass(driver_class(kind), found)) for found in classes}
    assert {found.__name__: (sorted(found.__abstractmethods__), kinds) for found, kinds in has.items()} == {
        ability: (sorted(methods), kinds) for ability, (methods, kinds) in named.items()
    }
