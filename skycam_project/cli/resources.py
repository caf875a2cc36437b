"""The commands of a resource: `list | show | add | change | enable | disable | remove`, and one for each action."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_origin

import click
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from core.api.model import describe_error
from core.registry import resolve
from core.resources.fields import Fields, extra_of
from core.resources.resource import Operation, Resource, column_of
from core.resources.sentences import read_text
from core.resources.table import cells_of, columns_of, table_of
from core.resources.values import Duration, Flag, Option, Reference, choices_of, marker_of, plain_type
from core.text.sentences import short_id
from skycam_project.cli.errors import CliError, invalid
from skycam_project.cli.ids import HEX, find_by_id
from skycam_project.cli.options import Command, DurationParam, FutureTimeParam, given
from skycam_project.cli.output import (
    format_time,
    make_table,
    print_fields,
    print_line,
    print_result,
    print_table,
    print_warnings,
)
from skycam_project.cli.shared_options import SHARED_OPTIONS, RenamedOption, SharedOption
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from skycam_project.cli.identity import Caller

STDIN = "-"
SET = "A setting as NAME=VALUE; can be repeated. A list is separated by commas."
SECRETS = click.Option(
    ["--secret", "secrets"], multiple=True, metavar="NAME",
    help="A setting that is read from stdin, one line each in the order of the options; can be repeated.",
)  # fmt: skip
FROM_FILE = "Secret settings as a JSON object; - reads it from stdin."


def commands_of(resource: Resource) -> Iterator[click.Command]:
    for operation in resource.operations:
        if operation.command is None:
            continue
        yield BUILDERS.get(operation.name, action_command)(resource, operation)
        if operation.name == "change" and operation.request and "enabled" in operation.request.model_fields:
            yield switch_command(resource, operation, enabled=True)
            yield switch_command(resource, operation, enabled=False)


def build(
    operation: Operation, params: list[click.Parameter], run: Callable[..., Any], name: str = "", text: str = ""
) -> click.Command:
    """`run(caller, **values)`, for callers who may do it. `text`: a second paragraph of the help."""

    def callback(**values: Any) -> None:
        run(current().authorize(operation.role), **values)

    example = f"Example: skycam {operation.example}" if operation.example else ""
    paragraphs = "\n\n".join(filter(None, [operation.summary, text, example]))
    return Command(name or operation.command or operation.name, help=paragraphs, params=params, callback=callback)


def list_command(resource: Resource, operation: Operation) -> click.Command:
    def run(caller: Caller, limit: int | None = None, **filters: Any) -> None:
        rows = resource.all_rows(caller.user)
        if operation.query is not None:
            known = operation.query.model_fields
            wanted = {name: referred(caller, known[name], value) for name, value in given(**filters).items()}
            query: Any = operation.query.model_validate(wanted)
            rows = query.filtered(rows, caller.user)[:limit]
        bodies = resource.bodies(rows, caller.user)
        print_result({"results": bodies}, lambda _: print_rows(resource, caller, bodies))

    limit = SHARED_OPTIONS["--limit"]
    most = click.Option(["--limit", limit.short], **limit.settings, help="Maximum number.")
    return build(operation, [*query_options(operation), *([most] if operation.query else [])], run)


def query_options(operation: Operation) -> Iterator[click.Parameter]:
    """An option for each filter of a list, or for what a removal may be told."""
    for name, about in operation.query.model_fields.items() if operation.query else ():
        if not about.exclude:
            yield field_option(name, about)


def show_command(resource: Resource, operation: Operation) -> click.Command:
    def run(caller: Caller, key: str) -> None:
        body = resource.body(find_row(resource, caller, key), caller.user)
        print_result(body, lambda body: print_fields(cells_of(resource, body, body, format_time).items()))

    return build(operation, [key_argument(resource)], run)


def add_command(resource: Resource, operation: Operation) -> click.Command:
    def run(caller: Caller, **values: Any) -> None:
        wanted = requested(resource, operation, caller, values, str(values.get("kind", "")))
        added = resource.run(operation, caller.user, caller.actor, wanted)
        print_done(resource, operation, resource.done(operation, added, caller.user))

    params = [*arguments(operation), *options(resource, operation)]
    return build(operation, params, run, text=argument_text(resource, operation))


def action_command(resource: Resource, operation: Operation) -> click.Command:
    """Also of a change, which is an action with a request."""

    def run(caller: Caller, key: str, **values: Any) -> None:
        row = find_row(resource, caller, key)
        kind = getattr(row, "kind", "")
        wanted = [requested(resource, operation, caller, values, kind, row)] if operation.request else []
        changed = resource.run(operation, caller.user, caller.actor, row, *wanted)
        print_done(resource, operation, resource.done(operation, changed, caller.user))

    return build(operation, [key_argument(resource), *arguments(operation), *options(resource, operation)], run)


def remove_command(resource: Resource, operation: Operation) -> click.Command:
    def run(caller: Caller, key: str, **values: Any) -> None:
        row = find_row(resource, caller, key)
        body = resource.body(row, caller.user)
        told = [operation.query.model_validate(given(**values))] if operation.query else []
        said = resource.run(operation, caller.user, caller.actor, row, *told)
        print_done(resource, operation, body, said or "")

    return build(operation, [key_argument(resource), *query_options(operation)], run)


def switch_command(resource: Resource, operation: Operation, *, enabled: bool) -> click.Command:
    request: Any = operation.request
    word = "on" if enabled else "off"
    effect = "" if enabled else f" {request.model_fields['enabled'].description or ''}"
    switch = replace(
        operation, summary=f"Switch the {resource.noun} on." if enabled else f"Switch the {resource.noun} off.{effect}",
        said=f"The {resource.noun} {{name}} is {word}.", example="", request=None,
    )  # fmt: skip

    def run(caller: Caller, key: str) -> None:
        row = find_row(resource, caller, key)
        changed = resource.run(operation, caller.user, caller.actor, row, request(enabled=enabled))
        print_done(resource, switch, resource.body(changed, caller.user))

    return build(switch, [key_argument(resource)], run, operation.switches[0 if enabled else 1])


BUILDERS: dict[str, Callable[[Resource, Operation], click.Command]] = {
    "list": list_command,
    "show": show_command,
    "add": add_command,
    "remove": remove_command,
}


def key_argument(resource: Resource) -> click.Argument:
    return click.Argument(["key"], metavar=resource.name_field.upper(), type=int if resource.is_numbered else str)


def find_row(resource: Resource, caller: Caller, text: str) -> Any:
    """The row that the caller may see, by its name or the beginning of its id. CliError."""
    rows = resource.all_rows(caller.user)
    listed_by = (
        f"skycam {resource.commands or resource.name.replace('_', '-')} {resource.operation('list').command or 'list'}"
    )
    if resource.name_field == "id" and not resource.is_numbered:
        return find_by_id(rows, text, resource.noun, listed_by)
    column = column_of(resource.name_field, resource.answer.model_fields[resource.name_field])
    named = list(rows.filter(**{column: text})) if hasattr(rows, "filter") else []
    named = named or [row for row in rows if str(getattr(row, column)).lower() == text.lower()]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(short_id(str(row.pk)) for row in named[:5])
        raise CliError("invalid", f"More than one {resource.noun} is named {text!r}. Give an id: {ids}.")
    if resource.key == "id" and not resource.is_numbered and HEX.fullmatch(text.replace("-", "")):
        return find_by_id(rows, text, resource.noun, listed_by)
    raise CliError("not-found", f"There is no {resource.noun} {text}. `{listed_by}` lists all.")


def arguments(operation: Operation) -> list[click.Parameter]:
    return [click.Argument([name], metavar=name.upper()) for name in operation.arguments]


def argument_text(resource: Resource, operation: Operation) -> str:
    """What the arguments are, a line each."""
    assert operation.request is not None
    fields = operation.request.model_fields
    lines = [f"{name.upper()}: {help_of(fields[name])}" for name in operation.arguments if fields[name].description]
    kinds = [f"Kinds: {', '.join(resource.kind_table)}."] if resource.kinds else []
    return "\n".join(["\b", *lines, *kinds]) if lines or kinds else ""


def options(resource: Resource, operation: Operation) -> Iterator[click.Parameter]:
    """An option for each field of the request that is no argument. What is not given is left to the request."""
    if operation.request is None:
        return
    if resource.kinds:
        yield from (shared_click_option("--set", SET, "assignments"), SECRETS)
        yield shared_click_option("--secret-file", FROM_FILE, "secret_file")
    elif operation.has_assignments:
        yield shared_click_option("--set", f"A field of the {resource.noun} as NAME=VALUE.", "assignments")
        return
    for name, about in operation.request.model_fields.items():
        if name == "enabled" and marker_of(about, Option) is None:
            # A change has commands for it.
            if operation.name == "add":
                off = "Add it switched off."
                yield click.Option(["--disabled", name], is_flag=True, flag_value=False, default=None, help=off)
        elif name not in operation.arguments and get_origin(plain_type(about.annotation)) is not dict:
            yield field_option(name, about)
            if operation.name == "change" and may_be_none(resource, operation.request, name):
                option = name.replace("_", "-")
                yield click.Option(
                    [f"--no-{option}", f"no_{name}"], is_flag=True, help=f"Remove the value of --{option}."
                )


def may_be_none(resource: Resource, request: type[Fields], name: str) -> bool:
    """Whether a row may have no such value. In a change, None may also be what is not given."""
    answered = resource.answer.model_fields.get(name)
    is_optional = answered is not None and NoneType in get_args(answered.annotation)
    return is_optional and name in request.model_construct(**{name: None}).given()


def shared_click_option(name: str, text: str, into: str) -> click.Option:
    return click.Option([name, into], **SHARED_OPTIONS[name].settings, help=text)


def field_option(name: str, about: FieldInfo) -> click.Option:
    if flag := marker_of(about, Flag):
        return click.Option([flag.names, name], is_flag=True, default=None, help=help_of(about))
    option = option_of(name, about)
    shared = SHARED_OPTIONS.get(option.name, SharedOption())
    settings = {
        "type": param_type(about), **shared.settings, "default": None, "help": help_of(about),
        "required": about.is_required(), "multiple": is_list(about),
    }  # fmt: skip
    names = [*filter(None, [option.name, shared.short]), name]
    return RenamedOption(names, former=option.former, **settings) if option.former else click.Option(names, **settings)


def option_of(name: str, about: FieldInfo) -> Option:
    return marker_of(about, Option) or Option(f"--{name.removesuffix('_s').replace('_', '-')}")


def is_list(about: FieldInfo) -> bool:
    return get_origin(plain_type(about.annotation)) is list


def help_of(about: FieldInfo) -> str:
    more = {"Can be repeated.": is_list(about), "With - it is read from stdin.": extra_of(about, "secret")}
    return " ".join([about.description or "", *(text for text, applies in more.items() if applies)])


def param_type(about: FieldInfo) -> Any:
    """Numbers stay text, which the request reads and limits."""
    kind, choices = plain_type(about.annotation), choices_of(about)
    if choices:
        return click.Choice(choices)
    if marker_of(about, Duration) is not None:
        return DurationParam()
    if kind is datetime:
        return FutureTimeParam()
    return {int: int, float: float, bool: bool, date: click.DateTime(["%Y-%m-%d"])}.get(kind, str)


def value_given(about: FieldInfo, value: Any) -> Any:
    """A secret may be read from stdin: every user of the machine can read command lines."""
    if value == STDIN and extra_of(about, "secret"):
        return sys.stdin.readline().rstrip("\n")
    return [*value] if isinstance(value, tuple) else value


def requested(
    resource: Resource, operation: Operation, caller: Caller, values: dict[str, Any], kind: str, row: Any = None
) -> Fields:
    """The request of what was given. The settings of a row that are not given stay as they are. CliError, which names
    options."""
    assert operation.request is not None
    fields = operation.request.model_fields
    assigned = assigned_texts(values.pop("assignments", ()))
    cleared = {name.removeprefix("no_"): None for name, value in values.items() if name.startswith("no_") and value}
    secrets, from_file = values.pop("secrets", ()), values.pop("secret_file", None)
    found = {
        name: value_given(fields[name], value)
        for name, value in given(**values).items()
        if name in fields and value != ()
    } | cleared
    if not resource.kinds:
        found |= read_texts(fields, assigned)
    elif assigned or secrets or from_file or operation.name == "add":
        # Every user of the machine can read command lines.
        read = {name: sys.stdin.readline().rstrip("\n") for name in secrets}
        # The service refuses a kind that does not exist.
        known = resource.settings_model(kind).model_fields if kind in resource.kind_table else {}
        stored = resource.body(row, caller.user)["settings"] if row is not None else {}
        kept = {name: one for name, one in stored.items() if name in known and not extra_of(known[name], "file_only")}
        found["settings"] = kept | read_texts(known, {**assigned, **read}) | (from_file or {})
    wanted = {name: referred(caller, fields[name], value) if name in fields else value for name, value in found.items()}
    try:
        # People write texts, also of a strict model.
        return operation.request.model_validate(wanted, strict=False)
    except ValidationError as error:
        raise invalid((place_of(operation, item["loc"]), describe_error(item)) for item in error.errors()) from None


def place_of(operation: Operation, path: tuple[int | str, ...]) -> str:
    """The option or the argument that gives a field."""
    assert operation.request is not None
    name, about = next(
        (one for one in operation.request.model_fields.items() if path[:1] in ((one[0],), (one[1].alias,))), ("", None)
    )
    if name in operation.arguments:
        return name.upper()
    if about is None or operation.has_assignments or name == "settings":
        return ".".join(map(str, path))
    return option_of(name, about).name


def assigned_texts(assignments: Iterable[str]) -> dict[str, str]:
    """CliError for one that is not NAME=VALUE."""
    pairs = [one.partition("=") for one in assignments]
    if wrong := [name for name, equals, _ in pairs if not equals or not name]:
        raise CliError("invalid", f"{wrong[0]!r} is not NAME=VALUE.")
    return {name: value for name, _, value in pairs}


def read_texts(fields: Mapping[str, FieldInfo], values: Mapping[str, str]) -> dict[str, Any]:
    """CliError."""
    try:
        return {name: read_text(fields[name], text) if name in fields else text for name, text in values.items()}
    except ValueError as error:
        raise CliError("invalid", str(error)) from None


def referred(caller: Caller, about: FieldInfo, value: Any) -> Any:
    """The id of the row that is named, of a field that refers to another resource."""
    reference = marker_of(about, Reference)
    return find_row(resolve(reference.resource), caller, value).pk if reference and value else value


def print_done(resource: Resource, operation: Operation, body: dict[str, Any], said: str = "") -> None:
    def print_people(body: dict[str, Any]) -> None:
        for line in (said or resource.sentence(operation, body, format_time)).splitlines():
            print_line(line)
        print_warnings([body["warning"]] if operation.request and body.get("warning") else [])

    print_result(body, print_people)


def print_rows(resource: Resource, caller: Caller, bodies: list[dict[str, Any]]) -> None:
    if not bodies:
        print_line(resource.empty)
        return
    titles = [title for title, _ in columns_of(resource)]
    rows = [list(cells.values()) for cells in table_of(resource, bodies, caller.user, format_time)]
    print_table(make_table(titles, rows))
