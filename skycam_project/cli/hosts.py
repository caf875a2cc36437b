"""`skycam hosts`: the machines of the station."""

from __future__ import annotations

import click

from skycam_project.cli.new_identity import new_identity
from skycam_project.cli.options import Group


@click.group(cls=Group)
def hosts() -> None:
    """The machines of the station."""


hosts.add_command(new_identity)
