"""`skycam hosts`: the machines of the station. By `new-identity` a copy of another machine's data folder becomes a
machine of its own."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.text.names import NAME_PATTERN
from skycam_project.cli.errors import CliError
from skycam_project.cli.ids import find_by_id
from skycam_project.cli.jobs import wait_and_show
from skycam_project.cli.options import Command
from skycam_project.cli.output import format_time, make_table, print_fields, print_line, print_result, print_table
from skycam_project.cli.privileges import privileged_caller, require_privileged_operation
from skycam_project.cli.resource_group import ResourceGroup
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.models import HostInvitation
    from skycam_project.cli.identity import Caller


@click.command("new-identity", cls=Command)
@click.argument("name")
@shared_option("--yes", "Do it without asking.")
@require_privileged_operation
def new_identity(name: str, confirmed: bool) -> None:
    """Make this copy of a machine a host of its own, NAME.

    Its cameras stay those of the other machine, and so do the pictures and records that were copied with it: nothing of
    them is delivered from here. Then set SKYCAM_HOST to NAME, and start Skycam.

    Example: skycam hosts new-identity attic
    """
    privileged_caller()
    from cameras.supervision.host_identity import renew_installation

    config = current().config
    check_name(name, config.host)
    check_stopped()
    if not confirmed:
        confirm(config.host, name)
    folders = [str(folder) for folder in storage_folders() if set_root_aside(folder, config.host)]
    # Last: a kill before it repeats the steps.
    installation = renew_installation(config.data)
    body = {"host": name, "former": config.host, "installation": installation, "set_aside": folders}
    print_result(body, print_identity)


def check_name(name: str, present: str) -> None:
    from cameras.models import Camera, CameraHost
    from skycam_project.config.keys import NAME

    if not re.fullmatch(NAME_PATTERN, name):
        raise CliError("invalid", f"{name!r} cannot be the name of a host. Allowed is {NAME}.")
    is_known = CameraHost.objects.filter(name=name).exists() or Camera.objects.present().filter(host=name).exists()
    if name == present or is_known:
        raise CliError("invalid", f"The station has a host {name} already. Choose another name.")


def check_stopped() -> None:
    from skycam_project.launch import LaunchError, ps

    try:
        ps(current().config)
    except LaunchError:
        return
    raise CliError("busy", "Skycam runs on this data folder. Stop it first.")


def confirm(former: str, name: str) -> None:
    """CliError where no one can answer; Abort for a no."""
    if current().output == "json" or not sys.stdin.isatty():
        raise CliError("invalid", "Nothing was changed: no one can be asked here. Add --yes.")
    click.confirm(f"Is this machine a copy of {former}, and to become the host {name}?", abort=True, err=True)


def storage_folders() -> list[Path]:
    config = current().config
    found = (config.storage_root, config.video_path, config.service.image_save_path)
    return list(dict.fromkeys(folder for folder in found if folder is not None))


def set_root_aside(folder: Path, former: str) -> bool:
    """The folder becomes a new storage root at the next start, without the records of the other machine. False when it
    is no root."""
    from cameras.spool.storage import MARKER

    marker, spool = folder / MARKER, folder / ".spool"
    if not marker.exists():
        return False
    if spool.exists():
        spool.rename(spool.with_name(f".spool-of-{former}"))
    marker.rename(marker.with_name(f"{MARKER}-of-{former}"))
    return True


def print_identity(body: dict[str, Any]) -> None:
    name, former = body["host"], body["former"]
    print_line(f"This machine has an identity of its own. Set SKYCAM_HOST={name}, then start Skycam.")
    print_line(f"The cameras of {former} stay there; add those of this machine: skycam cameras detect.")
    for folder in body["set_aside"]:
        print_line(f"The pictures in {folder} are copies of those of {former}: delete them when you need the room.")


hosts = ResourceGroup("hosts", "Invite, list, drain and retire machines.", "skycam_project.hosts.resource.INVITATIONS")
hosts.add_command(new_identity)


@hosts.command("withdraw", cls=Command)
@click.argument("name", metavar="NAME_OR_ID")
def withdraw(name: str) -> None:
    """Withdraw an open invitation."""
    caller = current().authorize("manager")
    from skycam_project.hosts.invitations import withdraw_invitation
    from skycam_project.hosts.resource import INVITATIONS

    withdrawn = withdraw_invitation(find_invitation(name), caller.actor)
    said = f"The invitation of {withdrawn.name} is withdrawn."
    print_result(INVITATIONS.body(withdrawn, caller.user), lambda _: print_line(said))


@hosts.command("list", cls=Command)
def list_hosts() -> None:
    """List the machines of the station."""
    caller = current().authorize("viewer")
    from skycam_project.hosts.host_list import host_bodies

    print_result({"results": [dict(one) for one in host_bodies(caller.user)]}, print_hosts)


@hosts.command("show", cls=Command)
@click.argument("name")
def show(name: str) -> None:
    """Show one host: parts, version, clock, disks, cameras."""
    caller = current().authorize("viewer")
    print_result(shown_host(caller, name), print_host)


@hosts.command("drain", cls=Command)
@click.argument("name")
@click.option("--undo", is_flag=True, help="End the draining.")
def drain(name: str, undo: bool) -> None:
    """Let the sessions of a host end, and start nothing new there.

    A session ends with the window in which it captures, or at its own end; one without an end stops after its current
    capture. Nothing is moved to another host.
    """
    caller = current().authorize("manager")
    from skycam_project.hosts.host_list import drain_host, undrain_host

    shown_host(caller, name)
    (undrain_host if undo else drain_host)(name, caller.actor)
    print_result(shown_host(caller, name), print_drained)


@hosts.command("retire", cls=Command)
@click.argument("name")
@click.option(
    "--files", type=click.Choice(["keep", "forget"]), required=True,
    help="What happens to the rows of its files: keep them, or forget them.",
)  # fmt: skip
@click.option("--lost", is_flag=True, help="Its disk is lost, with the records that it has not delivered.")
@shared_option("--dry-run", "Only count.")
@shared_option("--yes", "Retire it without asking.")
def retire(name: str, files: str, lost: bool, dry_run: bool, confirmed: bool) -> None:
    """Retire a host that is gone. Its name is free again only with `hosts invite NAME --again`.

    Refused while the host runs, has cameras, or has captures without an outcome; --lost says that these failed.

    A job of this machine forgets the files: Ctrl-C ends the command, and the job goes on.

    Example: skycam hosts retire roof --files keep --dry-run
    """
    caller = current().authorize("manager")
    from skycam_project.hosts.retiring import retire_host

    shown_host(caller, name)
    counted = retire_host(name, "keep" if files == "keep" else "forget", caller.actor, lost=lost, dry_run=True)
    if dry_run:
        print_result(dict(counted), print_retirement)
        return
    if not confirmed:
        confirm_retirement(dict(counted))
    done = retire_host(name, counted["files"], caller.actor, lost=lost)
    if done["job"]:
        from core.jobs.models import Job

        wait_and_show(Job.objects.get(pk=done["job"]), run_here=True)
    print_result(dict(done), lambda _: print_line(f"The host {name} is retired."))


def confirm_retirement(body: dict[str, Any]) -> None:
    """CliError where no one can answer; Abort for a no."""
    if current().output == "json" or not sys.stdin.isatty():
        raise CliError(
            "invalid", "Nothing was done: no one can be asked here. Look at it with --dry-run, then add --yes."
        )
    print_retirement(body)
    click.confirm(f"Retire the host {body['host']}?", abort=True, err=True)


def shown_host(caller: Caller, name: str) -> dict[str, Any]:
    """CliError for a host that the station does not know."""
    from cameras.models import CameraHost
    from skycam_project.hosts.host_list import host_body

    try:
        return dict(host_body(caller.user, name))
    except CameraHost.DoesNotExist:
        raise CliError("not-found", f"There is no host {name}. `skycam hosts list` lists all.") from None


def find_invitation(text: str) -> HostInvitation:
    """The open invitation of a name, or one by the first characters of its id. CliError."""
    from cameras.models import HostInvitation

    named = HostInvitation.objects.filter(name=text, used_at=None, withdrawn_at=None).first()
    return named or find_by_id(HostInvitation.objects.all(), text, "invitation", "skycam hosts invitations")


def print_hosts(body: dict[str, Any]) -> None:
    from skycam_project.hosts.host_list import offset_text

    columns = ["host", "state", "version", "clock", "cameras", "parts", "last heartbeat"]
    rows = [
        [one["name"], one["state"] or "unknown", one["version"], offset_text(one["clock_offset_s"]),
         " ".join(one["cameras"]), " ".join(part["name"] for part in one["parts"]), format_time(one["last_heartbeat"])]
        for one in body["results"]
    ]  # fmt: skip
    print_table(make_table(columns, rows))


def print_host(body: dict[str, Any]) -> None:
    from skycam_project.hosts.host_list import offset_text

    print_fields([
        ("host", body["name"]), ("state", body["state"] or "unknown"), ("version", body["version"]),
        ("schema", body["schema"]), ("protocol", body["protocol"]), ("address", body["address"]),
        ("started", format_time(body["started"])), ("heartbeat", format_time(body["last_heartbeat"])),
        ("clock", offset_text(body["clock_offset_s"])), ("cameras", ", ".join(body["cameras"])),
        ("parts", ", ".join(f"{one['name']} {one['memory_bytes'] / 1e6:.0f} MB" for one in body["parts"])),
        ("connections", ", ".join(f"{part} {count}" for part, count in (body["connections"] or {}).items())),
        ("draining", format_time(body["draining_since"])), ("by", body["draining_by"]),
        ("still runs", ", ".join(body["runs"])), ("drained", format_time(body["drained"])),
        ("retired", format_time(body["retired"])), ("files", body["retired_files"]),
    ])  # fmt: skip
    for disk in body["disks"]:
        print_line(f"disk        {disk['path'] or disk['root']}: {disk_text(disk)}")


def disk_text(disk: dict[str, Any]) -> str:
    if disk["free_bytes"] is None:
        return "not measured yet"
    free, total = disk["free_bytes"] / 1e9, disk["total_bytes"] / 1e9
    return f"{free:.1f} of {total:.1f} GB free, measured {format_time(disk['measured'])}"


def print_drained(body: dict[str, Any]) -> None:
    name = body["name"]
    if body["draining_since"] is None:
        print_line(f"The host {name} is no longer drained. Sessions that were stopped are not started again.")
    elif body["drained"]:
        print_line(f"The host {name} is drained: nothing runs there.")
    else:
        print_line(f"The host {name} is being drained. Still running: {', '.join(body['runs'])}.")


def print_retirement(body: dict[str, Any]) -> None:
    captures, clips, offsite = body["captures"], body["clips"], body["offsite"]
    print_line(f"Of captures: {captures['files']} files, {captures['bytes'] / 1e9:.2f} GB.")
    print_line(f"Clips: {clips['files']}, {clips['bytes'] / 1e9:.2f} GB. Archives: {body['archives']}.")
    print_line(f"Verified copies at off-site destinations: {offsite['files']}, {offsite['bytes'] / 1e9:.2f} GB.")
    if body["files"] == "forget":
        print_line(f"Forgotten: {body['forgotten']}. Kept, because they are pinned or needed: {body['stay']}.")
    else:
        print_line("All stay listed, as files on a host that is gone.")
