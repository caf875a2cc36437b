"""The present configuration of the station as YAML: the values that were set, and the rows of its lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings

from skycam_project.config.document import REFERENCE
from skycam_project.config.keys import Key
from skycam_project.config.manager import ConfigFile
from skycam_project.config.model import FIRST_CAMERA, FIRST_SENSOR, KEYS
from skycam_project.config.redaction import escape_references
from skycam_project.config.writing import nest_keys, to_yaml, written_values
from skycam_project.provisioning.service import lists_of
from skycam_project.station_settings import values_from_page

FIRST_ROWS = (("camera", "cameras", FIRST_CAMERA), ("sensor", "sensors", FIRST_SENSOR))
"""Sections of which the first start makes a row, with its list and its id."""


class Export(NamedTuple):
    """`variables` are the names of the variables that the text refers to: secrets, which it does not contain.
    `left_out` are schedules whose cameras were all removed: a file cannot have them."""

    text: str
    variables: list[str]
    left_out: list[str]


def export_configuration(user: Any) -> Export:
    """With the rows that the user may see."""
    values = {**written_values(settings.STATION), **escape_references(values_from_page())}
    left_out: list[str] = []
    for rows in lists_of(ConfigFile(Path(), settings.STATION, {}), user, actor=""):
        items = {rows.label(row): rows.item(row) for row in rows.stored()}
        values[(rows.name,)] = [item for item in items.values() if item]
        left_out += [name for name, item in items.items() if not item]
    for section, list_name, first in FIRST_ROWS:
        if any(first in (item.get("id"), item.get("name")) for item in values[(list_name,)]):
            # It is in the list, as it is now. The file would describe it twice.
            values.pop((section, "type"), None)
            values.pop((section, "port"), None)
    text = to_yaml(nest_keys(in_order(values)))
    return Export(text, sorted({match[1] for match in REFERENCE.finditer(text) if match[1]}), left_out)


def in_order(values: dict[Key, Any]) -> dict[Key, Any]:
    return {key: values[key] for key in KEYS if key in values}
