"""Options that several commands have: a table with the names, type and meaning of each, and the parameter that names
a camera in every command. A command adds what the option is for it, and may have another default or narrower
values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
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


WORD = "camera_word"
"""The parser's name for the argument, before it is merged with the option."""
ID = re.compile(r"[a-z0-9-]*\Z", re.IGNORECASE)


def camera(text: str = "The camera; the primary one by default.", *, required: bool = False) -> Decorator:
    """The parameter `camera` of a command: an id, or None for the primary camera."""

    def decorate(function: Decorated) -> Decorated:
        option = shared_option("--camera", text)
        word = click.argument(WORD, metavar="CAMERA" if required else "[CAMERA]", cls=CameraWord, needed=required)
        return option(word(function))

    return decorate


def cameras(text: str) -> Decorator:
    """The parameter `cameras` of a command: a tuple of ids, empty where none was named."""

    def decorate(function: Decorated) -> Decorated:
        option = shared_option("--camera", text, into="cameras", multiple=True)
        words = click.argument(WORD, metavar="[CAMERA]...", nargs=-1, cls=CameraWords)
        return option(words(function))

    return decorate


class CameraWord(click.Argument):
    """The argument of a command for one camera. It merges argument and option before other parameters are read."""

    def __init__(self, names: list[str], *, needed: bool = False, **extra: Any) -> None:
        self.needed = needed
        super().__init__(names, required=False, is_eager=True, expose_value=False, **extra)

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        values = dict_of(opts)
        # click's parser marks a missing value by an object of its own, so only texts count.
        if not isinstance(values.get("camera"), str):
            values.pop("camera", None)
        self._shift_argument(ctx, values)
        word, option = values.get(self.name), values.get("camera")
        if isinstance(word, str):
            self._check_both(ctx, word, option)
            values["camera"] = word
        # Shell completion parses incomplete lines.
        if not ctx.resilient_parsing:
            self._check(ctx, values.get("camera"))
        return None, args

    def _shift_argument(self, ctx: click.Context, values: dict[str, Any]) -> None:
        """Pass the word on to the command's next argument if the option names the camera, or if it cannot be an id."""
        word = values.get(self.name)
        later = [found for found in ctx.command.params if isinstance(found, click.Argument) and found is not self]
        if not later or not isinstance(word, str):
            return
        last = later[-1]
        if last.nargs == -1 and "=" in word:
            rest = values.get(last.name)
            values[last.name] = (word, *(rest if isinstance(rest, tuple) else ()))
        elif last.nargs == 1 and "camera" in values and not isinstance(values.get(last.name), str):
            values[last.name] = word
        else:
            return
        del values[self.name]

    @staticmethod
    def _check_both(ctx: click.Context, word: str, option: str | None) -> None:
        if option is not None and option != word:
            message = f"Two cameras are given: {word}, and {option} with --camera. Give only one."
            raise click.UsageError(message, ctx)

    def _check(self, ctx: click.Context, found: str | None) -> None:
        if found is None and self.needed:
            message = f"Which camera? Write `{ctx.command_path} CAMERA`; `skycam cameras list` shows their ids."
            raise click.UsageError(message, ctx)
        if found is not None:
            check_id(ctx, found)


class CameraWords(click.Argument):
    """The arguments of a command for several cameras."""

    def __init__(self, names: list[str], **extra: Any) -> None:
        super().__init__(names, required=False, is_eager=True, expose_value=False, **extra)

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        values = dict_of(opts)
        words, named = values.get(self.name), values.get("cameras")
        found = [*(words if isinstance(words, tuple) else ()), *(named if isinstance(named, list) else ())]
        values["cameras"] = list(dict.fromkeys(found))
        for one in found:
            check_id(ctx, one)
        return None, args


def dict_of(opts: Mapping[str, Any]) -> dict[str, Any]:
    """The parser's own values, which click passes to each parameter in turn."""
    assert isinstance(opts, dict)
    return opts


def check_id(ctx: click.Context, text: str) -> None:
    """Raises UsageError for a text that cannot be a camera's id, such as a file name."""
    if ID.match(text):
        return
    file = f" The configuration file is `--config {text}`." if re.search(r"[./]", text) else ""
    expected = "a camera's id: lower-case letters, digits and hyphens. `skycam cameras list` lists all."
    raise click.UsageError(f"{text!r} is not {expected}{file}", ctx)
