"""Options that every command takes, before or after its name, and the types of values."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from skycam_project.cli.station import current

CLOCK_TIME = re.compile(r"\A([01]?\d|2[0-3]):([0-5]\d)\Z")


def remember_config(_ctx: click.Context, _option: click.Parameter, value: Path | None) -> None:
    if value is not None:
        current().config_path = value


def remember_output(_ctx: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value is not None:
        current().chosen_output = value


def remember_verbose(_ctx: click.Context, _option: click.Parameter, value: bool) -> None:
    if value:
        current().say_more()


def common(*, hidden: bool) -> list[click.Parameter]:
    shared: dict[str, Any] = {"expose_value": False, "hidden": hidden, "is_eager": True}
    return [
        click.Option(
            ["--config", "-c"],
            type=click.Path(path_type=Path),
            callback=remember_config,
            help="The station's YAML file; else SKYCAM_CONFIG, else none.",
            **shared,
        ),
        click.Option(
            ["--output"],
            type=click.Choice(["rich", "json"]),
            callback=remember_output,
            help="For people or for programs; the default is cli.output_format of the configuration.",
            **shared,
        ),
        click.Option(
            ["--verbose"], is_flag=True, callback=remember_verbose, help="Show logs and tracebacks.", **shared
        ),
    ]


class Command(click.Command):
    def __init__(self, *args: Any, **extra: Any) -> None:
        super().__init__(*args, **extra)
        self.params = [*self.params, *common(hidden=True)]

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        parent: click.Context | None = extra.get("parent")
        if parent is not None:
            parent.find_root().obj.command = f"{parent.command_path} {self.name}"
        return super().make_context(*args, **extra)


class Group(click.Group):
    command_class = Command

    def __init__(self, *args: Any, **extra: Any) -> None:
        super().__init__(*args, **extra)
        self.params = [*self.params, *common(hidden=False)]


class Seconds(click.ParamType[float]):
    """A finite number of seconds, from 0; the services say what is too long."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        if not math.isfinite(seconds) or seconds < 0:
            self.fail(f"{value!r} is not a number of seconds from 0.", param, ctx)
        return seconds


class Moment(click.ParamType[datetime]):
    """A time: ISO 8601, or HH:MM for the next time the clock shows it. Without a zone it is this machine's."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        if match := CLOCK_TIME.match(value):
            return next_time(datetime.now().astimezone(), int(match[1]), int(match[2]))
        try:
            return datetime.fromisoformat(value).astimezone()
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a time. Write HH:MM or 2026-03-01T05:30:00Z.", param, ctx)


def next_time(now: datetime, hour: int, minute: int) -> datetime:
    found = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if found <= now:
        found += timedelta(days=1)
    return found.replace(tzinfo=None).astimezone()  # the day between may change to summer time


class Assignment(click.ParamType[tuple[str, Any]]):
    """`key=value`; the value as JSON when it is JSON, else as text."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        if isinstance(value, tuple):
            return value
        key, equals, text = value.partition("=")
        if not equals or not key.strip():
            self.fail(f"{value!r} is not key=value.", param, ctx)
        return key.strip(), json_or_text(text)


def json_or_text(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text


def microseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e6)


def given(**values: Any) -> dict[str, Any]:
    """Those that somebody gave."""
    return {name: value for name, value in values.items() if value is not None}
