"""The numbers by which machines of different versions know whether they can work together.

A station is updated machine by machine, so versions that are one apart work together; those that are further apart do
not (docs/station/running.md, "Update it"). Django-free.
"""

from __future__ import annotations

from importlib.metadata import version

SKYCAM = version("skycam")

SCHEMA = 2
"""Of the database. Raise it by one with the first migration after a release; 1 is every version before the numbers."""
MIGRATIONS = 0
"""How many migrations the apps of the project have in this schema. A test compares it with the folders, so that no
migration is added without a thought about SCHEMA."""
PROTOCOL = 2
"""Of what machines write for one another into the broker. Raise it by one with a change that others must understand."""
FIRST = 1
"""The number of a version that does not say one."""
