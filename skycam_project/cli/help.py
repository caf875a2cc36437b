"""`skycam help` and `skycam version`."""

from __future__ import annotations

from importlib.metadata import version as version_of

import click

from skycam_project.cli.options import Command
from skycam_project.cli.output import print_line, print_result


@click.command("help", cls=Command)
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@click.pass_context
def show_help(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show a command's help, or list all commands. Name the whole command, such as `skycam help cameras set`."""
    shown = ctx.find_root()
    for word in words:
        if not isinstance(shown.command, click.Group):
            raise click.UsageError(f"{shown.command_path} has no command {word!r}.", shown)
        name, command, _ = shown.command.resolve_command(shown, [word])
        assert command is not None
        shown = click.Context(command, parent=shown, info_name=name)
    click.echo(shown.get_help())


@click.command(cls=Command)
def version() -> None:
    """Show the version of Skycam."""
    print_result({"version": version_of("skycam")}, lambda body: print_line(f"skycam, version {body['version']}"))
