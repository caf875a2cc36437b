"""The options that several commands have: the names, type and meaning of each are in this table.

A command adds what the option is for it, and may have another default or narrower values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import click

from skycam_project.cli.options import DurationParam, FutureTimeParam, PastTimeParam, SecretFileParam

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
SEVERITIES = ["info", "warning", "error", "critical"]


class RenamedOption(click.Option):
    """An option that is also accepted by the name it once had. Help and errors have the present name."""

    def __init__(self, *args: Any, former: str, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.former = former

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        super().add_to_parser(parser, ctx)
        parser.add_option(self, [self.former], self.name, nargs=self.nargs)


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
    "--at": SharedOption(settings={"type": PastTimeParam()}),
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
    "--secret-file": SharedOption(settings={"type": SecretFileParam("r")}),
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


def shared_option(name: str, text: str, *, into: str = "", former: str = "", **differs: Any) -> Decorator:
    """The option of this name, with its help. `into` and `differs` replace the table's; scripts of older versions have
    the name `former`."""
    option = SHARED_OPTIONS[name]
    names = filter(None, [name, option.short, into or option.into])
    settings = {**option.settings, **differs, "help": text}
    return (
        click.option(*names, cls=RenamedOption, former=former, **settings)
        if former
        else click.option(*names, **settings)
    )
