"""A folder as a destination: a second disk, or a share that the operating system mounts. Django-free."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Generator, Iterator
from functools import partial

from cameras.spool.durable import RootFiles
from captures.storage.offsite.destinations.port import (
    CHUNK_BYTES,
    FAILPOINTS,
    Compared,
    CopyMissing,
    DestinationError,
    Pace,
    Source,
    Upload,
    WrongChecksum,
    check_key,
    has_beginning,
    is_whole,
)

MARKER = ".skycam-offsite"
PART = ".skycam-part"
PROBE = ".skycam-probe"


class FolderSender:
    """Writes below the folder, without following symbolic links, and only while the folder has the destination's
    marker: the folder under a disk that is not mounted has none."""

    def __init__(self, path: str, ident: str, pace: Pace) -> None:
        """DestinationError."""
        self._pace = pace
        try:
            # By descriptor from here on: a disk that is unmounted now gets no file into the folder under it.
            self._files = RootFiles(path)
        except OSError as error:
            raise DestinationError(f"The folder {path} cannot be opened: {error.strerror}.") from error
        try:
            self._check_marker(path, ident)
        except BaseException:
            self._files.close()
            raise

    def _check_marker(self, path: str, ident: str) -> None:
        try:
            found = self._files.read("", MARKER)[:100].decode("ascii", "replace").strip()
        except FileNotFoundError:
            raise DestinationError(
                f"The folder {path} has no marker of this destination. Mount its disk; for a new one, test the "
                "destination, which writes the marker."
            ) from None
        except OSError as error:
            raise DestinationError(f"The folder {path} cannot be read: {error.strerror}.") from error
        if found != ident:
            raise DestinationError(
                f"The folder {path} has the marker of another destination. Give another folder. If that destination "
                f"was removed, delete the file {MARKER} in the folder and test again."
            )

    def put_file(self, source: Source, key: str, upload: Upload) -> str:
        folder, _, name = check_key(key).rpartition("/")
        part = f".{hashlib.sha256(name.encode()).hexdigest()[:32]}{PART}"
        try:
            self._files.make_folders(folder)
            with self._files.folder(folder) as at:
                if upload.again and self._is_there(at, name, source, upload):
                    return "read_back"
                if not self._is_sent(at, part, source, upload):
                    self._write(at, part, source, upload)
                FAILPOINTS.hit("after_data_sent")
                if not is_whole(source, partial(self._read, at, part), upload, Compared.SENT, self._pace):
                    os.unlink(part, dir_fd=at)
                    raise WrongChecksum
                os.rename(part, name, src_dir_fd=at, dst_dir_fd=at)
                FAILPOINTS.hit("after_copy_placed")
                os.fsync(at)
        except OSError as error:
            raise _failure(error) from error
        return "read_back"

    def fetch(self, key: str, begin: int = 0) -> Iterator[bytes]:
        folder, _, name = check_key(key).rpartition("/")
        try:
            with self._files.folder(folder) as at:
                file = _open(name, os.O_RDONLY, at)
            try:
                os.lseek(file, begin, os.SEEK_SET)
                while chunk := os.read(file, CHUNK_BYTES):
                    yield chunk
            finally:
                os.close(file)
        except OSError as error:
            raise _failure(error) from error

    def forget(self, key: str, upload: str) -> None:
        folder, _, name = check_key(key).rpartition("/")
        with contextlib.suppress(OSError):
            self._files.unlink(folder, f".{hashlib.sha256(name.encode()).hexdigest()[:32]}{PART}")

    def remove(self, key: str) -> None:
        folder, _, name = check_key(key).rpartition("/")
        try:
            with contextlib.suppress(FileNotFoundError):
                self._files.unlink(folder, name)
        except OSError as error:
            raise _failure(error) from error

    def probe(self) -> list[str]:
        try:
            self._files.unlink("", PROBE)
            self._files.create("", PROBE, [b"skycam"])
            whole = self._files.read("", PROBE) == b"skycam"
            self._files.unlink("", PROBE)
            self._files.sync("")
            free = self._files.free_bytes()
        except OSError as error:
            raise _failure(error) from error
        if not whole:
            raise WrongChecksum("The folder gave back something else than what was written.")
        return ["A file was written, read and removed.", f"{free / 1e9:.1f} GB are free."]

    def close(self) -> None:
        self._files.close()

    def _is_sent(self, at: int, part: str, source: Source, upload: Upload) -> bool:
        """Whether an earlier attempt was comparing the whole file."""
        try:
            return upload.was_comparing(Compared.SENT) and _size(at, part) == source.size
        except FileNotFoundError:
            return False

    def _write(self, at: int, part: str, source: Source, upload: Upload) -> None:
        """Write the file from the place where an earlier attempt was. All of it is read back afterwards."""
        upload.forget_compared(Compared.SENT)
        file = _open(part, os.O_WRONLY | os.O_CREAT, at)
        try:
            begin = os.fstat(file).st_size
            # What was written before a power cut can be there in size alone.
            if begin and not has_beginning(source, partial(self._read, at, part), upload, begin):
                upload.forget_compared(Compared.BEGUN)
                os.ftruncate(file, 0)
                begin = 0
            os.lseek(file, begin, os.SEEK_SET)
            for chunk in source.chunks(begin):
                self._pace.take_bytes(len(chunk))
                _write_all(file, chunk)
            _store(file)
        finally:
            os.close(file)

    def _is_there(self, at: int, name: str, source: Source, upload: Upload) -> bool:
        try:
            if _size(at, name) != source.size:
                return False
            file = _open(name, os.O_RDONLY, at)
        except FileNotFoundError:
            return False
        try:
            # A person, or an attempt that was killed after the renaming, may have left both in the cache alone.
            _store(file)
            os.fsync(at)
        finally:
            os.close(file)
        return is_whole(source, partial(self._read, at, name), upload, Compared.PLACED, self._pace)

    def _read(self, at: int, name: str, begin: int) -> Generator[bytes, None, None]:
        file = _open(name, os.O_RDONLY, at)
        try:
            os.lseek(file, begin, os.SEEK_SET)
            while chunk := os.read(file, CHUNK_BYTES):
                self._pace.take_bytes(len(chunk))
                yield chunk
        finally:
            os.close(file)


def write_marker(path: str, ident: str) -> None:
    """Make the folder a destination, at a person's request. A marker that it has already stays. DestinationError."""
    try:
        files = RootFiles(path)
    except OSError as error:
        raise DestinationError(f"The folder {path} cannot be opened: {error.strerror}.") from error
    try:
        files.create("", MARKER, [ident.encode()])
        files.sync("")
    except FileExistsError:
        pass
    except OSError as error:
        raise DestinationError(f"The folder {path} cannot be written: {error.strerror}.") from error
    finally:
        files.close()


def _open(name: str, flags: int, at: int) -> int:
    # O_NONBLOCK: a FIFO in the place of the file would block for ever.
    return os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o640, dir_fd=at)


def _size(at: int, name: str) -> int:
    return os.stat(name, dir_fd=at, follow_symlinks=False).st_size


def _store(file: int) -> None:
    """Onto the disk, and out of the cache, where it is whole in any case."""
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)


def _write_all(file: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(file, view) :]


def _failure(error: OSError) -> DestinationError:
    if isinstance(error, FileNotFoundError):
        return CopyMissing("The folder has no such file.")
    if error.errno == errno.ENOSPC:
        return DestinationError("The disk of the folder is full.")
    return DestinationError(f"The copy cannot be written or read in the folder: {error.strerror}.")
