"""The options that several commands have: the names, type and meaning of each are in this table.

A command adds what the option is for it, and may have another default or narrower values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import click

from skycam_project.cli.options import DurationParam, FutureTimeParam, PastTimeParam

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
SEVERITIES = ["info", "warning", "error", "critical"]


class Decorator(Protocol):
    def __call__(self, function: Decorated, /) -> Decorated: ...


@dataclass(frozen=True)
class SharedOption:
    """`short`: another name, of one letter. `into`: the parameter that gets the value, if it has another name.
    `settings`: those of click."""

    short: str = ""
    into: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


FLAG = {"is_flag": True}
SHARED_OPTIONS: dict[str, SharedOption] = {
    # Which rows a list shows
    "--limit": SharedOption("-n", settings={"type": click.IntRange(0, 10_000), "default": 20, "show_default": True}),
    "--since": SharedOption(settings={"type": PastTimeParam()}),
    "--kind": SharedOption(),
    "--state": SharedOption(),
    "--severity": SharedOption(settings={"type": click.Choice(SEVERITIES)}),
    "--follow": SharedOption(settings=FLAG),
    # When something begins and ends. Of a list, `--until` is in the past.
    "--from": SharedOption(into="begin", settings={"type": FutureTimeParam()}),
    "--until": SharedOption(settings={"type": FutureTimeParam()}),
    "--for": SharedOption(into="for_s", settings={"type": DurationParam()}),
    "--night": SharedOption(settings={"type": click.DateTime(["%Y-%m-%d"])}),
    "--time-zone": SharedOption(settings={"metavar": "ZONE"}),
    # What it is about
    "--camera": SharedOption("-c", settings={"metavar": "CAMERA"}),
    "--host": SharedOption(),
    "--name": SharedOption(),
    "--label": SharedOption(),
    "--reason": SharedOption(settings={"default": ""}),
    "--set": SharedOption(settings={"multiple": True, "metavar": "NAME=VALUE"}),
    "--secret-file": SharedOption(settings={"type": click.File("r")}),
    "--enabled/--disabled": SharedOption(into="enabled", settings={"default": None}),
    "--disabled": SharedOption(settings=FLAG),
    # Files
    "--to": SharedOption("-o", settings={"metavar": "FILE"}),
    "--force": SharedOption(settings=FLAG),
    # How it is done
    "--all": SharedOption(into="every", settings=FLAG),
    "--dry-run": SharedOption(settings=FLAG),
    "--yes": SharedOption("-y", "confirmed", settings=FLAG),
}


def shared_option(name: str, text: str, *, into: str = "", **differs: Any) -> Decorator:
    """The option of this name, with its help. `into` and `differs` replace the table's."""
    option = SHARED_OPTIONS[name]
    names = filter(None, [name, option.short, into or option.into])
    return click.option(*names, **{**option.settings, **differs, "help": text})
