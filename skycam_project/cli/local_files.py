"""Copies of stored files on this machine: complete and verified, or absent."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from core.durable_files import move_to_free_name
from skycam_project.cli.errors import CliError
from skycam_project.cli.shared_options import shared_option

if TYPE_CHECKING:
    from captures.files.serving import Stored

CHUNK_BYTES = 1 << 20
STDOUT = "-"

to_option = shared_option("--to", "Destination: a file, a folder, or - for stdout; the current folder by default.")
force_option = shared_option("--force", "Overwrite an existing file.")


def check_destination(to: str | None, *, force: bool) -> None:
    """Check the destination in advance; CliError when the file exists already, or its folder does not."""
    if to is None or to == STDOUT:
        return
    target = Path(to)
    if not target.is_dir():
        refuse_existing(target, force=force)
        if not target.parent.is_dir():
            raise CliError("invalid", f"There is no folder {target.parent}. Create it, or choose another.")


def write_lines(target: Path, lines: Iterable[str]) -> None:
    """CliError when the disk refuses them; what they list stays in the database."""
    try:
        with target.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
    except OSError as error:
        raise CliError("failed", f"{target} cannot be written: {error.strerror}. Run the command again.") from error


def copy_file(row: Stored, to: str | None, *, force: bool = False) -> Path | None:
    """Copy the file of a row; returns the copy's path, or None for stdout. CliError when the file has changed since it
    was stored, when it is on another host, or when the destination exists, which is then kept."""
    if to == STDOUT:
        write_file(row, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return None
    target = target_of(row, to)
    refuse_existing(target, force=force)
    # In the target's folder, because a rename or link works only within one file system.
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as stream:
            write_file(row, stream)
            stream.flush()
            # Before the file gets its name: after a power cut no incomplete file has it.
            os.fsync(stream.fileno())
        move_into_place(part, target, force=force)
    except OSError as error:
        raise CliError("failed", f"{target} cannot be written: {error.strerror or error}.") from None
    finally:
        part.unlink(missing_ok=True)
    return target


def target_of(row: Stored, to: str | None) -> Path:
    target = Path(to or ".")
    return target / Path(row.path).name if target.is_dir() else target


def refuse_existing(target: Path, *, force: bool) -> None:
    if os.path.lexists(target) and not force:
        raise CliError("invalid", f"{target} exists already. Choose another name, or give --force.")


def move_into_place(part: Path, target: Path, *, force: bool) -> None:
    """Move the complete file atomically. Without `force`, a file created meanwhile is kept."""
    if force:
        part.replace(target)
        return
    try:
        move_to_free_name(part, target)
    except FileExistsError:
        refuse_existing(target, force=False)


def write_file(row: Stored, stream: BinaryIO) -> None:
    """Write the file's bytes to the stream, wherever they are. CliError when they are not those that were stored."""
    from captures.files.downloads import NotReadable, open_content

    digest, begun = hashlib.sha256(), False
    try:
        with open_content(row) as chunks:
            for chunk in chunks:
                begun = True
                digest.update(chunk)
                stream.write(chunk)
    except NotReadable as error:
        if begun:
            raise CliError("failed", f"{error} It was not copied.") from None
        raise CliError("not-found", f"{error} `skycam doctor` checks the storage root.") from None
    if digest.hexdigest() != row.sha256:
        raise CliError("failed", f"{row.path} is damaged: its SHA-256 differs from the stored one.")
