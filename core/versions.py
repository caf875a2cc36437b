"""The numbers by which machines of different versions know whether they can work together.

A station is updated machine by machine, so versions that are one apart work together; those that are further apart do
not (docs/station/running.md, "Update it"). Django-free.
"""

from __future__ import annotations

from importlib.metadata import version

SKYCAM = version("skycam")

SCHEMA = 2
"""Of the database. Raise it by one with the first migration after a release; 1 is every version before the numbers."""
MIGRATIONS = 102
"""How many migrations the apps of the project have in this schema. A test compares it with the folders, so that no
migration is added without a thought about SCHEMA."""
PROTOCOL = 2
"""Of what machines write for one another into the broker. Raise it by one with a change that others must understand."""
FIRST = 1
"""The number of a version that does not say one."""
APPS = {
    "access": "skycam_project.access", "core": "core", "monitoring": "monitoring", "cameras": "cameras",
    "captures": "captures", "scheduler": "scheduler",
}  # fmt: skip
"""Those of the project with migrations: label in the database -> package."""


def version_problem(host: str, schema: int | None, protocol: int | None, station: tuple[int, int] | None = None) -> str:
    """Why a host whose version has these numbers cannot work with one of the numbers `station` (schema, protocol),
    which is this version by default; empty for neighbours."""
    own, of_station = (schema or FIRST, protocol or FIRST), station or (SCHEMA, PROTOCOL)
    distances = [there - here for here, there in zip(own, of_station, strict=True)]
    if all(abs(distance) <= 1 for distance in distances):
        return ""
    is_old = max(distances) > 1
    numbers = f"schema {own[0]} and protocol {own[1]}, the station's are {of_station[0]} and {of_station[1]}"
    return (
        f"The host {host} runs a version of Skycam that is too {'old' if is_old else 'new'} for this station "
        f"({numbers}). {'Update it' if is_old else 'Update the main machine'}. Until then it gets no commands; its "
        "cameras go on, and their records wait in the spool."
    )
