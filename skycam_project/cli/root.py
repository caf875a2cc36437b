"""The root command: the table of commands, `skycam help` and `version`, and the one place where errors become exit
statuses."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import Any

import click

from core.registry import resolve
from skycam_project.cli import errors, output
from skycam_project.cli.options import Command, Group
from skycam_project.cli.output import print_line, print_result
from skycam_project.cli.resource_group import ResourceGroup
from skycam_project.cli.station import Station
from skycam_project.resources import RESOURCES, WITH_COMMANDS

DERIVED = {name.replace("_", "-"): name for name in WITH_COMMANDS}
"""Groups of commands -> the resource that they are derived from."""

# Paths, and imports inside the functions of all commands: setting up Django takes 0.4 s, and help, status and the
# launcher's commands do without it.
COMMANDS = {
    "up": "skycam_project.cli.launcher:up",
    "ps": "skycam_project.cli.launcher:ps",
    "install-service": "skycam_project.cli.launcher:install_service",
    "join": "skycam_project.cli.join:join",
    "activate": "skycam_project.cli.backups:activate",
    "database": "skycam_project.cli.database:database",
    "backup": "skycam_project.cli.backups:backup",
    "restore": "skycam_project.cli.backups:restore",
    "restart": "skycam_project.cli.launcher:restart",
    "status": "skycam_project.cli.status:status",
    "connect": "skycam_project.cli.camera_control:connect",
    "disconnect": "skycam_project.cli.camera_control:disconnect",
    "take": "skycam_project.cli.camera_control:take",
    "release": "skycam_project.cli.camera_control:release",
    "capture": "skycam_project.cli.capture_commands:capture",
    "start": "skycam_project.cli.capture_commands:start",
    "stop": "skycam_project.cli.session_control:stop",
    "pause": "skycam_project.cli.session_control:pause",
    "resume": "skycam_project.cli.session_control:resume",
    "sessions": "skycam_project.cli.sessions:sessions",
    "tonight": "skycam_project.cli.schedules:tonight",
    "schedules": "skycam_project.cli.schedules:schedules",
    "captures": "skycam_project.cli.captures:captures",
    "cameras": "skycam_project.cli.cameras:cameras",
    "record": "skycam_project.cli.recording:record",
    "clips": "skycam_project.cli.captures:clips",
    "experiments": "skycam_project.cli.experiments:experiments",
    "organize": "skycam_project.cli.organizing:organize",
    "verify": "skycam_project.cli.storage:verify",
    "storage": "skycam_project.cli.storage:storage",
    "offsite": "skycam_project.cli.offsite:offsite",
    "jobs": "skycam_project.cli.jobs:jobs",
    "settings": "skycam_project.cli.settings:settings",
    "events": "skycam_project.cli.events:events",
    "alerts": "skycam_project.cli.events:alerts",
    "logs": "skycam_project.cli.logs:logs",
    "users": "skycam_project.cli.users:users",
    "tokens": "skycam_project.cli.users:tokens",
    "hosts": "skycam_project.cli.hosts:hosts",
    "sensors": "skycam_project.cli.sensors:sensors",
    "notifications": "skycam_project.cli.notifications:notifications",
    "telescope": "skycam_project.cli.telescope:telescope",
    "webhooks": "skycam_project.cli.notifications:webhooks",
    **dict.fromkeys(DERIVED, ""),
    "doctor": "skycam_project.cli.doctor:doctor",
    "support-bundle": "skycam_project.cli.doctor:support_bundle",
    "config": "skycam_project.cli.configuration:config",
    "help": "skycam_project.cli.root:show_help",
    "version": "skycam_project.cli.root:version",
}
"""Name -> where it is, in the order of the help; empty for a group that is derived."""


class Root(Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in DERIVED:
            name = DERIVED[cmd_name]
            return ResourceGroup(cmd_name, WITH_COMMANDS[name], RESOURCES[name])
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = resolve(COMMANDS[cmd_name])
        return command

    def main(self, *args: Any, obj: Station | None = None, **extra: Any) -> Any:
        """Run the command on the station `obj` and exit with a status of docs/clients/cli.md."""
        with closing(obj or Station()) as station:
            self._run(station, *args, **extra)

    def _run(self, station: Station, *args: Any, **extra: Any) -> None:
        try:
            # standalone_mode=False: click would print its errors itself and exit with its own statuses.
            result = super().main(*args, **{**extra, "prog_name": "skycam", "obj": station, "standalone_mode": False})
        except click.Abort:
            sys.exit(errors.INTERRUPTED)
        except Exception as error:
            problem = errors.to_cli_error(error)
            if problem is None and station.verbose:
                raise
            sys.exit(output.print_error(station, problem or errors.unexpected_error(error)))
        sys.exit(result if isinstance(result, int) else 0)


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="skycam")
def cli() -> None:
    """Run and control a station of cameras.

    Exit statuses: 0 done, 1 failed, 2 usage, 3 camera not reachable, 4 held by another, 5 not permitted.
    """


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
    from importlib.metadata import version as version_of  # takes as long as click itself

    print_result({"version": version_of("skycam")}, lambda body: print_line(f"skycam, version {body['version']}"))
