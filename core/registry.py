"""The registry: literal tables of dotted paths, by which a lower app names what a higher one provides.

`TABLES` in `skycam_project/checks.py` lists the tables, and a system check resolves each of their paths. Django-free:
camera processes resolve their consumers here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any


def resolve(path: str) -> Any:
    """The object that `path` names: `captures.stills.writer.StillWriter`, or as an entry point names it,
    `skycam_project.cli.status:status`. ImportError, which names the module, when it or the object does not exist."""
    module, _, name = path.replace(":", ".").rpartition(".")
    if not module:
        raise ImportError(f"{path!r} is not a dotted path.")
    found = import_module(module)
    try:
        return getattr(found, name)
    except AttributeError as error:
        raise ImportError(f"The module {module} has no {name!r}.") from error


def iterate_paths(table: str) -> Iterator[tuple[object, str]]:
    """Key and path of each entry of the table at the dotted path `table`. A value is a path, or a label and a path. A
    table without keys is a tuple; its positions are the keys."""
    entries = resolve(table)
    for key, value in entries.items() if isinstance(entries, Mapping) else enumerate(entries):
        yield key, value if isinstance(value, str) else value[-1]
