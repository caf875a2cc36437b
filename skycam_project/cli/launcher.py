"""`skycam up`, `ps` and `restart`: commands of the launcher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from skycam_project.cli.options import Command
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table
from skycam_project.cli.station import Station, current


@click.command(cls=Command)
@click.option(
    "--only",
    metavar="PART",
    help="Run only this part; with worker all that a camera host needs. Refused while the whole station runs.",
)
@click.option(
    "--prepare-only", is_flag=True, help="Migrate the database and create the first user, then end. For containers."
)
def up(only: str | None, prepare_only: bool) -> int:
    """Start the station and run it until Ctrl-C.

    It exits with 0 after Ctrl-C or SIGTERM. Only this command creates a data folder.
    """
    from skycam_project.launch import up as launch

    if only is not None and prepare_only:
        raise click.UsageError("--only and --prepare-only exclude each other.")

    station = current()
    # Not `station.config`, which raises where there is no data folder: the launcher creates it.
    station.use_config()
    return launch(station.config_path, only=only, prepare_only=prepare_only)


@click.command(cls=Command)
def ps() -> None:
    """List the parts of the running station.

    For a part in a crash loop it shows the time until the next try. Parts are `preparing` until a first start or an
    update has prepared the database.
    """
    from skycam_project import launch

    station = current()
    body = {"results": list(launch.ps(station.config))}
    use_published_zone(station)
    print_result(body, print_parts)


def use_published_zone(station: Station) -> None:
    """The zone of the site, also while the database is away: without the broker that of the configuration."""
    from cameras.status.reader import read_station
    from core.broker.hiredis_client import BrokerDown
    from core.times.zones import machine_zone_name

    try:
        station.use_zone_of(read_station(station.config.redis_url, station.config.station.id)["hosts"])
    except BrokerDown:
        station.published_zone = station.config.site.time_zone or machine_zone_name()


@click.command(cls=Command)
@click.argument("part")
def restart(part: str) -> None:
    """Restart PART and wait until it runs."""
    from skycam_project import launch

    print_result(
        dict(launch.restart(current().config, part)), lambda row: print_line(f"{row['name']} is {row['state']}.")
    )


def print_parts(body: dict[str, Any]) -> None:
    columns = ["part", "state", "since", "pid", "restarts", "memory", "reason"]
    print_table(make_table(columns, [part_cells(row) for row in body["results"]]))


def describe_state(row: Mapping[str, Any]) -> str:
    """`running`; `crash loop, next try in 42 s`."""
    seconds = row.get("next_try_s")  # a launcher of an older version does not send it
    return str(row["state"]) if seconds is None else f"{row['state']}, next try in {seconds} s"


def part_cells(row: dict[str, Any]) -> list[object]:
    memory = f"{row.get('pss_bytes', 0) / 1e6:.0f} MB"
    return [
        row["name"],
        describe_state(row),
        format_time(row["since"]),
        row["pid"],
        row["restarts"],
        memory,
        row["reason"],
    ]
