"""Writes a configuration as YAML: the values that were set, and `${NAME}` in place of each secret."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from core.registry import resolve
from skycam_project.config.keys import Key, Section
from skycam_project.config.model import KEYS, SkycamConfig, items_section, key_option, variable_of
from skycam_project.config.redaction import (
    escape_references,
    plain,
    redacted,
    written_camera,
    written_gate,
    written_item,
    written_sensor,
)
from skycam_project.resources import IN_FILE, RESOURCES

WRITTEN_ITEMS: dict[Key, Callable[[dict[str, Any]], dict[str, Any]]] = {
    ("gates",): written_gate,
    ("cameras",): written_camera,
    ("sensors",): written_sensor,
}
"""Lists whose items may contain secrets -> the function that hides them."""


def hiding_function(key: Key) -> Callable[[dict[str, Any]], dict[str, Any]] | None:
    """For an item of the list, or None where items have no secrets. Those of resources hide the settings of kinds."""
    if key[0] not in IN_FILE:
        return WRITTEN_ITEMS.get(key)
    resource = resolve(RESOURCES[key[0]])
    return partial(written_item, resource) if resource.kinds else None


def written_values(config: SkycamConfig) -> dict[Key, Any]:
    """The values that were set, as YAML takes them."""
    given = set(config.origins) or set(_set_keys(config))
    return {key: _written(config, key) for key in KEYS if key in given}


def _set_keys(config: SkycamConfig) -> Iterator[Key]:
    """The keys that were set on a configuration that was made by a program."""
    for key in KEYS:
        part: Any = config
        for name in key:
            if name not in part.model_fields_set:
                break
            part = getattr(part, name)
        else:
            yield key


def _written(config: SkycamConfig, key: Key) -> Any:
    if key_option(key, "secret"):
        return f"${{{variable_of(key)}}}"  # the file may be copied and shared; the secret stays where it was set
    value = value_at(config, key)
    if items_section(KEYS[key]) is None:
        return escape_references(redacted(key, value))
    items = config.written_lists.get(key)
    # As written: a header may refer to a variable with a secret.
    found = escape_references([_plain_item(item) for item in value]) if items is None else items
    hide = hiding_function(key)
    return [hide(item) if hide and isinstance(item, dict) else item for item in found]


def _plain_item(section: Section) -> dict[str, Any]:
    """The keys of an item that were set."""
    found: dict[str, Any] = {}
    for attribute, field in type(section).model_fields.items():
        value = getattr(section, attribute)
        if attribute in section.model_fields_set:
            nested = isinstance(value, BaseModel)
            found[field.alias or attribute] = _plain_item(value) if nested else plain(value)
    return found


def write_config(config: SkycamConfig, path: Path) -> None:
    write_text(to_yaml(nest_keys(written_values(config))), path)


def write_text(text: str, path: Path) -> None:
    """Write the file with mode 0600; an existing file is replaced as a whole, or kept."""
    # mkstemp creates it with mode 0600: with path.open() and chmod() others could open the file in between.
    descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


def to_yaml(tree: Mapping[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(dict(tree), sort_keys=False, allow_unicode=True)


def nest_keys(values: Mapping[Key, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        branch = tree
        for name in key[:-1]:
            branch = branch.setdefault(name, {})
        branch[key[-1]] = value
    return tree


def value_at(config: SkycamConfig, key: Key) -> Any:
    value: Any = config
    for name in key:
        value = getattr(value, name)
    return value
