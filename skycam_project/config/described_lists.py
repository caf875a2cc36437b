"""The lists of the file whose items the description of a resource says. The services that store them validate the
values."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator

from core.registry import resolve
from core.resources.resource import Resource
from skycam_project.config.entries import entry_of, singular
from skycam_project.config.keys import Section, key
from skycam_project.config.lists import CameraEntry, ScheduleEntry, SensorEntry, check_unique
from skycam_project.resources import IN_FILE, RESOURCES

LISTED: dict[str, Resource] = {name: resolve(RESOURCES[name]) for name in IN_FILE}
"""Name of the list -> its resource."""


def entry_name(name: str) -> str:
    """`NotificationRouteEntry`"""
    return f"{singular(name).title().replace(' ', '')}Entry"


def entry_for(name: str, resource: Resource) -> type[Section]:
    missing = (
        "It is replaced as a whole: a key that is missing gets its default."
        if resource.operation("change").replaces
        else "A key that is missing leaves an existing one as it is."
    )
    request = resource.operation("add").request
    assert request is not None
    text = f"An item of the list `{name}`, as in the API. {missing}"
    found: type[Section] = entry_of(
        request, entry_name(name), text, kinds=resource.kind_table if resource.kinds else ()
    )
    return found


ENTRIES: dict[str, type[Section]] = {name: entry_for(name, resource) for name, resource in LISTED.items()}

LISTS: dict[str, type[Section]] = {
    "cameras": CameraEntry,
    "sensors": SensorEntry,
    "schedules": ScheduleEntry,
    **ENTRIES,
}
"""All lists that `skycam config apply` stores -> the section of an item."""


def described_keys() -> dict[str, Any]:
    """The keys of the lists, for the model of the file."""
    return {
        name: (
            Annotated[list[entry], AfterValidator(partial(check_names, name))],  # type: ignore[valid-type]
            key(
                [],
                f"{name.replace('_', ' ').capitalize()} that `skycam config apply` adds and changes (below).",
                f"a list of {name.rpartition('_')[2]}",
            ),
        )
        for name, entry in ENTRIES.items()
    }


def check_names(name: str, items: list[Any]) -> list[Any]:
    """ValueError if two items have the same name."""
    check_unique(name, "name", [item.name for item in items])
    return items


def setting_secrets_of(config: Any) -> Iterator[str]:
    """The secret settings of all items."""
    for name, resource in LISTED.items():
        for item in getattr(config, name) if resource.kinds else ():
            secrets = secret_settings(resource, item.type)
            yield from (str(item.settings[secret]) for secret in secrets if item.settings.get(secret))


def secret_settings(resource: Resource, kind: str) -> list[str]:
    """Nothing for a kind that does not exist."""
    if kind not in resource.kind_table:
        return []
    found: Any = resource.settings_model(kind)
    names: list[str] = found.secret_fields()
    return names
