"""Copies one file into an archive: to a temporary name, synced, read back from the disk and compared, then renamed.
The source is read once: its SHA-256 is known since it was recorded, so that of the copy proves both."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from cameras.spool.durable import RootFiles
from captures.files.opened import FileMissing, OpenFile, open_below
from core.failpoints import Failpoints

FAILPOINTS = Failpoints(
    (
        "after_archive_planned",
        "after_part_begun",
        "after_part_synced",
        "after_part_checked",
        "after_part_renamed",
        "after_row_copied",
        "after_manifest_made",
        "after_manifest_written",
    )
)
"""Of all steps of an archive, in their order."""

CHUNK_BYTES = 8 << 20
PART = ".part"
COPY_TRIES = 3


class SourceFaulty(Exception):
    """The source cannot be archived: it is missing, or its content is another one. `state` is that of the row."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        self.state = state


class CopyFaulty(Exception):
    """The disk of the archive does not return what was written."""


class CopyStopped(Exception):
    """The job is to stop."""


@dataclass(frozen=True, slots=True)
class CopySource:
    """A file below its root. `link`: a hard link is made of it where that is possible."""

    root: str
    path: str
    link: bool = False


@dataclass(frozen=True, slots=True)
class CopyTarget:
    """The place of a file below the root of archives, and what is to be there."""

    folder: str
    name: str
    bytes: int
    sha256: str


def copy_file(source: CopySource, target: CopyTarget, files: RootFiles, should_stop: Callable[[], bool]) -> bool:
    """Copy the file, unless it is there already. Returns whether it is a hard link. SourceFaulty, CopyFaulty,
    CopyStopped, OSError of the disk of the archive."""
    if is_whole(files, target, target.name, should_stop):
        # A kill may have come between the rename and this.
        files.sync(target.folder)
        return files.links(target.folder, target.name) > 1
    part = f".{target.name}{PART}"
    files.unlink(target.folder, part)  # what a kill has left
    opened = _open_source(source, target)
    try:
        linked = source.link and _link(source, target, files, part)
        if linked:
            _check_link(source, target, files, part, should_stop)
        else:
            _copy_checked(opened, source.path, target, files, part, should_stop)
    except BaseException:
        # Half a copy would take the space that a full disk lacks, and stay for ever once the source is gone.
        with contextlib.suppress(OSError):
            files.unlink(target.folder, part)
        raise
    finally:
        opened.close()
    files.rename(target.folder, part, target.name)
    FAILPOINTS.hit("after_part_renamed")
    files.sync(target.folder)
    return linked


def _open_source(source: CopySource, target: CopyTarget) -> OpenFile:
    try:
        opened = open_below(source.root, source.path)
    except FileMissing as error:
        raise SourceFaulty("missing", str(error)) from error
    if opened.size != target.bytes:
        opened.close()
        raise SourceFaulty("damaged", f"{source.path} has {opened.size} bytes instead of {target.bytes}.")
    return opened


def _link(source: CopySource, target: CopyTarget, files: RootFiles, part: str) -> bool:
    """False where links are not possible, such as between two file systems: then the file is copied."""
    folder, _, name = source.path.rpartition("/")
    source_files = RootFiles(source.root)
    try:
        with source_files.folder(folder) as at, files.folder(target.folder) as target_folder:
            os.link(name, part, src_dir_fd=at, dst_dir_fd=target_folder, follow_symlinks=False)
    except OSError as error:
        if error.errno in {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP}:
            return False
        raise
    finally:
        source_files.close()
    return True


def _check_link(
    source: CopySource, target: CopyTarget, files: RootFiles, part: str, should_stop: Callable[[], bool]
) -> None:
    """A link proves nothing about the content: it is read as a copy is. SourceFaulty."""
    try:
        whole = is_whole(files, target, part, should_stop)
    except OSError:
        # Its disk cannot read it, which is that of the source.
        whole = False
    if not whole:
        files.unlink(target.folder, part)
        raise SourceFaulty("damaged", f"The content of {source.path} has changed or cannot be read.")


def _copy_checked(
    opened: OpenFile, path: str, target: CopyTarget, files: RootFiles, part: str, should_stop: Callable[[], bool]
) -> None:
    """`path` is that of the source, for messages. SourceFaulty, CopyFaulty."""
    for _ in range(COPY_TRIES):
        _copy(opened, path, target, files, part, should_stop)
        FAILPOINTS.hit("after_part_synced")
        if is_whole(files, target, part, should_stop):
            FAILPOINTS.hit("after_part_checked")
            return
        files.unlink(target.folder, part)
        # Which of the two is wrong? Only now is the source read a second time.
        if (found := hash_of(opened, should_stop)) != target.sha256:
            message = f"The content of {path} has changed: its SHA-256 is {found[:12]}…."
            raise SourceFaulty("damaged", message)
    raise CopyFaulty(
        # Without the path, which names the camera: this is shown to all who may see the archive.
        f"The copy of a file was wrong {COPY_TRIES} times, and its source is right. Check the disk of the archive."
    )


def _copy(
    opened: OpenFile, path: str, target: CopyTarget, files: RootFiles, part: str, should_stop: Callable[[], bool]
) -> None:
    written = files.open_new(target.folder, part)
    try:
        FAILPOINTS.hit("after_part_begun")
        offset = 0
        while offset < target.bytes:
            if should_stop():
                raise CopyStopped
            # In the kernel, and not copy_file_range: a file system may let both names share one set of blocks, which
            # would be no second copy.
            sent = os.sendfile(written, opened.descriptor, offset, min(CHUNK_BYTES, target.bytes - offset))
            if not sent:
                raise SourceFaulty("damaged", f"{path} became shorter while it was copied.")
            offset += sent
        os.fsync(written)
    except OSError as error:
        if error.errno == errno.EIO and _is_unreadable(opened, target):
            raise SourceFaulty("damaged", f"{path} cannot be read: {error.strerror}.") from error
        raise
    finally:
        os.close(written)
        opened.forget_cached()


def _is_unreadable(opened: OpenFile, target: CopyTarget) -> bool:
    """Whether an error of input and output came from the source and not from the disk of the archive."""
    try:
        return hash_of(opened, lambda: False) != target.sha256
    except OSError:
        return True


def is_whole(files: RootFiles, target: CopyTarget, name: str, should_stop: Callable[[], bool]) -> bool:
    """Whether the file is there with this content, as the disk returns it."""
    if files.size(target.folder, name) != target.bytes:
        return False
    with files.folder(target.folder) as at:
        # O_NONBLOCK: a FIFO in the place of an empty file would block for ever.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        found = OpenFile(os.open(name, flags, dir_fd=at))
    try:
        # What was just written is in the page cache, which would hide what the disk has.
        found.forget_cached()
        return hash_of(found, should_stop) == target.sha256
    finally:
        found.forget_cached()
        found.close()


def hash_of(file: OpenFile, should_stop: Callable[[], bool]) -> str:
    digest, offset, buffer = hashlib.sha256(), 0, memoryview(bytearray(CHUNK_BYTES))
    while read := file.read_into(buffer, offset):
        digest.update(buffer[:read])
        offset += read
        if should_stop():
            raise CopyStopped
    return digest.hexdigest()
