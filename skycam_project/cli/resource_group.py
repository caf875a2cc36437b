"""A group of commands that are derived from resources."""

from __future__ import annotations

from functools import cached_property

import click

from core.registry import resolve
from skycam_project.cli.options import Group


class ResourceGroup(Group):
    """The commands of the resources at these paths, and those that are added by hand, which replace derived ones of the
    same name."""

    def __init__(self, name: str, text: str, *paths: str) -> None:
        super().__init__(name, help=text)
        self._paths = paths

    @cached_property
    def _derived(self) -> dict[str, click.Command]:
        return self.derive()

    def derive(self) -> dict[str, click.Command]:
        # The resources are imported only here: pydantic takes as long as all other imports of a help.
        from skycam_project.cli.resources import commands_of

        return {str(command.name): command for path in self._paths for command in commands_of(resolve(path))}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self._derived, *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self.commands.get(cmd_name) or self._derived.get(cmd_name)
