"""Options that every command accepts, before or after its name, and parameter types."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from core.text.sentences import did_you_mean
from core.times.durations import (
    InvalidDuration,
    InvalidExposure,
    parse_bracket,
    parse_duration,
    parse_exposure,
    parse_offset,
)
from core.times.sun import EVENTS
from core.times.time_parsing import CLOCK, InvalidTime, Location, datetime_in_zone, parse_time
from skycam_project.cli.station import current

WITH_UNIT = re.compile(r"\A\s*[0-9.,]+\s*[a-z]", re.IGNORECASE)
CLOCK_TIME = re.compile(r"\A([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?\Z")


def remember_config(_ctx: click.Context, _option: click.Parameter, value: Path | None) -> None:
    if value is not None:
        current().config_path = value


def remember_output(_ctx: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value is not None:
        current().chosen_output = value


def remember_verbose(_ctx: click.Context, _option: click.Parameter, value: bool) -> None:
    if value:
        current().enable_verbose()


def remember_utc(_ctx: click.Context, _option: click.Parameter, value: bool) -> None:
    if value:
        current().utc = True


def common(*, hidden: bool) -> list[click.Parameter]:
    # Eager options are read first: the conversion of other parameters uses them, such as the site of `--config` for
    # `--until dawn`.
    shared: dict[str, Any] = {"expose_value": False, "hidden": hidden, "is_eager": True}
    return [
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path),
            callback=remember_config,
            help="The station's YAML file; SKYCAM_CONFIG by default.",
            **shared,
        ),
        click.Option(
            ["--output"],
            type=click.Choice(["rich", "json"]),
            callback=remember_output,
            help="Output for people or programs; cli.output_format of the configuration by default.",
            **shared,
        ),
        click.Option(
            ["--verbose"], is_flag=True, callback=remember_verbose, help="Show logs and tracebacks.", **shared
        ),
        click.Option(
            ["--utc"],
            is_flag=True,
            callback=remember_utc,
            help="Print and read times in UTC, instead of the time zone of the site.",
            **shared,
        ),
    ]


class Command(click.Command):
    def __init__(self, *args: Any, **extra: Any) -> None:
        super().__init__(*args, **extra)
        self.params = [*self.params, *common(hidden=True)]

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        parent: click.Context | None = extra.get("parent")
        if parent is not None:
            # Before the arguments are parsed, so that a usage error names the command.
            parent.find_root().obj.command = f"{parent.command_path} {self.name}"
        return super().make_context(*args, **extra)


class Group(click.Group):
    command_class = Command

    def __init__(self, *args: Any, **extra: Any) -> None:
        super().__init__(*args, **extra)
        self.params = [*self.params, *common(hidden=False)]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # click would print the help on stderr and exit with 2.
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-") and not ctx.resilient_parsing:
            meant = did_you_mean(args[0], known)
            raise click.UsageError(f"No such command {args[0]!r}.{meant}", ctx)
        return super().resolve_command(ctx, args)


class ExposureParam(click.ParamType[int]):
    """Whole microseconds, from a time with its unit or a number of seconds. Services check the upper limit."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        # click converts defaults too.
        if isinstance(value, int):
            return value
        try:
            return parse_exposure(value, bare="s")
        except InvalidExposure as error:
            self.fail(str(error), param, ctx)


class BracketParam(click.ParamType[dict[str, list[Any]]]):
    """`exposures_us` or `ev_steps` of a bracket. Services check their number and limits."""

    name = "times"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, list[Any]]:
        if isinstance(value, dict):
            return value
        try:
            return parse_bracket(value, bare="s")
        except ValueError as error:
            what = str(error) if isinstance(error, InvalidExposure) else f"{value!r} is not a bracket."
            self.fail(f"{what} Write exposures such as 1ms,10ms,100ms, or steps such as -2,0,2EV.", param, ctx)


class LimitsParam(click.ParamType[list[Any]]):
    """The lowest and the highest value, `100-3200`; of exposures `50us-20s`. Services check their range."""

    name = "limits"

    def __init__(self, read: Callable[[str], Any], example: str) -> None:
        self._read, self._example = read, example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[Any]:
        if isinstance(value, list):
            return value
        try:
            low, high = (self._read(part.strip()) for part in value.split("-"))
        except (ValueError, InvalidExposure):
            self.fail(f"{value!r} is not a pair of limits. Write them such as {self._example}.", param, ctx)
        return [low, high]


class SecretFileParam(click.File):
    """A file with the secrets, as an object of JSON."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            with nullcontext(sys.stdin) if value == "-" else super().convert(value, param, ctx) as file:
                found = json.load(file)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            self.fail('The secret is not a JSON object such as {"secret_key": "..."}.', param, ctx)
        return found


class DurationParam(click.ParamType[float]):
    """Seconds, from a duration with its unit or a number of seconds."""

    name = "time"

    def __init__(self, least: float = 0, most: float | None = None) -> None:
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        try:
            seconds = parse_offset(value) if self.least < 0 else parse_duration(value)
        except InvalidDuration as error:
            self.fail(str(error), param, ctx)
        if seconds < self.least or (self.most is not None and seconds > self.most):
            most = "" if self.most is None else f" and at most {self.most:g} s"
            self.fail(f"{value} is out of range: at least {self.least:g} s{most}.", param, ctx)
        return seconds


class FutureTimeParam(click.ParamType[datetime]):
    """A future time: HH:MM (the next one), a date and time, a duration from now, or a Sun event. Without a time zone it
    is in the site's."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return parse_time(value, datetime.now(UTC), current().zone, station_place()).at
        except InvalidTime as error:
            self.fail(str(error), param, ctx)


class CameraTimeParam(click.ParamType[datetime | str]):
    """As `FutureTimeParam`, but two stay texts for `time_at`: a Sun event, since the host of the camera says where it
    is, and a time of day, since the end of a session comes after its begin."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime | str:
        words = value if isinstance(value, datetime) else " ".join(value.split()).lower()
        is_later = isinstance(words, str) and (words in EVENTS or CLOCK.fullmatch(words))
        return words if is_later else FutureTimeParam().convert(value, param, ctx)


def time_at(place: Location, value: datetime | str | None, after: datetime) -> datetime | None:
    """The next time of a Sun event at a place, or of a time of day; other values unchanged. InvalidTime."""
    return parse_time(value, after, current().zone, place).at if isinstance(value, str) else value


def station_place() -> Location:
    """The station's location for Sun events; empty where there is no station."""
    site = current().site
    return Location(site.latitude, site.longitude) if site else Location(None, None)


def last_time(now: datetime, hour: int, minute: int, second: int = 0) -> datetime:
    """The last time at which the clock of `now` showed it."""
    found = now.replace(hour=hour, minute=minute, second=second, microsecond=0)
    # In UTC: two times of one zone are compared by their clock, which may go back.
    if found.timestamp() > now.timestamp():
        found -= timedelta(days=1)
    return found


class PastTimeParam(click.ParamType[datetime]):
    """A past time: ISO 8601, HH:MM or HH:MM:SS (the last one), or a duration before now. Without a time zone it is in
    that of the site."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        now = datetime.now(current().zone)
        if match := CLOCK_TIME.match(value):
            return last_time(now, *(int(part or 0) for part in match.groups()))
        try:
            if WITH_UNIT.search(value):
                return now - timedelta(seconds=parse_duration(value))
            return datetime_in_zone(value, current().zone).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(
                f"{value!r} is not a time. Write 05:30, 2026-03-01T05:30:00Z, or 2 h for two hours ago.", param, ctx
            )


class AssignmentParam(click.ParamType[tuple[str, Any]]):
    """`key=value`, where the value is parsed as JSON if possible, else used as text."""

    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        if isinstance(value, tuple):
            return value
        key, equals, text = value.partition("=")
        if not equals or not key.strip():
            self.fail(f"{value!r} is not key=value.", param, ctx)
        return key.strip(), json_or_text(text)


class NamedTextParam(click.ParamType[tuple[str, str]]):
    """`NAME=VALUE`, where the value is a text."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        if not equals or not name.strip():
            self.fail(f"{value!r} is not NAME=VALUE.", param, ctx)
        return name.strip(), text


def json_or_text(text: str) -> Any:
    try:
        # json.loads() reads NaN and Infinity as numbers, which JSON does not have and PostgreSQL does not store.
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text


def given(**values: Any) -> dict[str, Any]:
    """The values that were given."""
    return {name: value for name, value in values.items() if value is not None}
