"""Small files that are whole, and still there, after a kill or a power cut."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}
"""How disks without hard links, such as FAT and exFAT, refuse one."""
AT_FDCWD, RENAME_NOREPLACE = -100, 1


def write_durably(path: Path, text: str, name: Callable[[str, Path], None]) -> None:
    """Write `text` durably, readable by its owner only; `name` moves or links the complete file to `path`."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        # mkstemp() has created the file with mode 0600.
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        name(temporary, path)
    finally:
        # os.replace() has moved it; os.link() leaves it as a second name.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    # Otherwise a power cut could take the name away after the text has been used: a key that has encrypted, say.
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move_to_free_name(name: str | Path, to_name: str | Path, folder: int = AT_FDCWD) -> None:
    """Move a file to a name on its disk that no other file has. FileExistsError, also for one that was created a moment
    ago: a plain rename would replace it. `folder`: a descriptor, of which both names are. A kill may leave both."""
    try:
        os.link(name, to_name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _rename_without_replacing(name, to_name, folder)
    else:
        os.unlink(name, dir_fd=folder)


def _rename_without_replacing(name: str | Path, to_name: str | Path, folder: int) -> None:
    """FileExistsError; OSError where the disk has no such rename."""
    # Not in place of the link: disks such as NFS have links and refuse this rename. Imported here: few disks need it.
    import ctypes

    names = folder, os.fsencode(name), folder, os.fsencode(to_name)
    if ctypes.CDLL(None, use_errno=True).renameat2(*names, RENAME_NOREPLACE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
