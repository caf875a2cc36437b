"""The commands of docs/clients/cli.md: usage, help, role and options of each, as the terminal shows them."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import click

from skycam_project.cli.root import cli
from tests.harness.documents.reference.markdown import escaped

ROLES = ("viewer", "operator", "manager")
EXAMPLE = re.compile(r"Example: (\S*skycam .+)")
ARGUMENT = re.compile(r"(?:[A-Z_]+|Kinds): ")
SHARED = 3
"""An option that this number of commands has with the same help is described once."""


def command_sections() -> str:
    found = dict(commands(cli, "skycam"))
    shared = shared_options(found)
    sections = [section(path, command, shared) for path, command in found.items()]
    return "\n\n".join(["\n".join(shared[name] for name in sorted(shared)), *sections])


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        elif command is not None:
            yield f"{path} {name}", command


def shared_options(found: dict[str, click.Command]) -> dict[str, str]:
    """Name -> line. Of a name with several texts it is the most frequent one."""
    counted = Counter(line for path, command in found.items() for line in option_lines(path, command).items())
    return dict(line for line, times in reversed(counted.most_common()) if times >= SHARED)


def section(path: str, command: click.Command, shared: dict[str, str]) -> str:
    pieces = [piece for piece in command.collect_usage_pieces(click.Context(command)) if piece != "[OPTIONS]"]
    lines = option_lines(path, command)
    also = ", ".join(f"`{name}`" for name, line in lines.items() if shared.get(name) == line)
    options = [line for name, line in lines.items() if shared.get(name) != line]
    parts = [
        f"### `{path}`",
        f"    {' '.join([path, *pieces])}" if pieces else "",
        *paragraphs(command, role_sentence(command)),
        "\n".join([*options, *([f"- also {also}"] if also else [])]),
    ]
    return "\n\n".join(filter(None, parts))


def paragraphs(command: click.Command, ending: str) -> Iterator[str]:
    """What the command does, with this ending; its arguments; an example."""
    found = re.split(r"\n\s*\n", inspect.cleandoc(command.help or ""))
    # click prints the lines of a paragraph that begins with \b as they are.
    parts = [line for part in found for line in (part.splitlines()[1:] if part.startswith("\b") else [part])]
    lines = [" ".join(part.split()) for part in parts]
    text = [line for line in lines if not ARGUMENT.match(line) and not EXAMPLE.fullmatch(line)]
    yield escaped(" ".join(filter(None, [*text, ending])))
    yield "\n".join(f"- {escaped(line)}" for line in lines if ARGUMENT.match(line))
    yield "\n".join(f"Example: `{found[1]}`" for line in lines if (found := EXAMPLE.fullmatch(line)))


def option_lines(path: str, command: click.Command) -> dict[str, str]:
    """The long name of each option that is not hidden -> its line."""
    context, found = click.Context(command, info_name=path), {}
    for option in command.params:
        record = option.get_help_record(context) if isinstance(option, click.Option) else None
        if record is not None:
            names, text = record
            found[max(option.opts, key=len)] = f"- `{names}` {escaped(' '.join(text.split()))}".rstrip()
    return found


def role_sentence(command: click.Command) -> str:
    """Empty for a command without one. The role of an operation is declared; others ask for it where they need it, and
    some options for a higher one."""
    callback: Any = command.callback
    if "check_privileged" in callback.__code__.co_names:
        return "Operates on the whole host."
    operation = inspect.getclosurevars(callback).nonlocals.get("operation")
    roles = {operation.role} if operation else {*roles_in(callback, set())}
    found = [role for role in ROLES if role in roles]
    return f"Role: {' or '.join(found)}." if found else ""


def roles_in(function: Callable[..., Any], seen: set[Any]) -> Iterator[str]:
    """Those for which a function of the command line calls `authorize`, by itself or through another one of its
    package."""
    seen.add(function)
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr == "authorize":
            yield from (one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and one.value in ROLES)
        called = inspect.unwrap(function).__globals__.get(getattr(node.func, "id", ""))
        if inspect.isfunction(called) and called.__module__.startswith("skycam_project.cli") and called not in seen:
            yield from roles_in(called, seen)
