"""`skycam install-service`: Skycam as a service of systemd."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Command
from skycam_project.cli.output import print_line, print_result
from skycam_project.cli.shared_options import shared_option

FOLDER = click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path)


@click.command("install-service", cls=Command)
@click.argument("role", type=click.Choice(["station", "camera-host"]), default="station")
@click.option(
    "--writable", multiple=True, type=FOLDER, help="A folder outside /var/lib/skycam that it may write. Repeatable."
)
@click.option("--remove", is_flag=True, help="Remove the files of the service. Its data and its user stay.")
@shared_option("--dry-run", "Only print the files.")
def install_service(role: str, writable: tuple[Path, ...], remove: bool, dry_run: bool) -> None:
    """Make Skycam a service of systemd here, as root.

    It runs a whole station, or a camera-host, with its data in /var/lib/skycam, as a user of its own that may open
    cameras and serial ports and little else.

    Example: sudo /opt/skycam/bin/skycam install-service
    """
    from skycam_project import systemd_service as service
    from skycam_project.shipped_files import PACKAGE

    if remove and dry_run:
        raise click.UsageError("--remove and --dry-run exclude each other.")
    try:
        if remove:
            removed = service.remove_service_files()
            body = {"files": {}, "removed": [str(path) for path in removed], "next": service.FORGET}
        else:
            service.check_readable([Path(sys.prefix), Path(sys.base_prefix), PACKAGE])
            files = service.service_files(Path(sys.prefix), role, writable)
            if not dry_run:
                service.write_service_files(files)
            body = {"files": {str(path): text for path, text in files.items()}, "removed": [], "next": service.START}
    except service.ServiceError as error:
        raise CliError("failed", str(error)) from None
    except PermissionError as error:
        raise CliError("forbidden", f"Only root may change {error.filename}. Run the command with sudo.") from None
    print_result(body | {"dry_run": dry_run}, print_service)


def print_service(body: dict[str, Any]) -> None:
    for path, text in body["files"].items():
        print_line(f"# {path}\n{text}" if body["dry_run"] else f"wrote {path}")
    for path in body["removed"]:
        print_line(f"removed {path}")
    print_line("Nothing was written." if body["dry_run"] else "Next, as root:")
    for line in () if body["dry_run"] else body["next"]:
        print_line(f"  {line}")
