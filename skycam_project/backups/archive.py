"""Writes a backup, and reads one: a compressed tar in a encrypted file."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO, Any

from skycam_project.backups.content import MANIFEST, is_media
from skycam_project.backups.encrypted_file import DecryptionError, EncryptedReader, EncryptedWriter

COPY_BYTES = 1 << 20
TOP = ("database", "data", "configuration", "media")


class Manifest(dict[str, tuple[int, str]]):
    """Member -> its bytes and SHA-256."""


class _Counted(io.RawIOBase):
    """What passes through it is hashed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.bytes, self._digest = file, 0, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found = self._file.read(size)
        self.bytes += len(found)
        self._digest.update(found)
        return found

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def write_archive(
    file: IO[bytes], passphrase: str, about: dict[str, Any], members: Iterable[tuple[str, Path]]
) -> Manifest:
    """Members that are gone when their turn comes are left out. OSError."""
    manifest = Manifest()
    with (
        EncryptedWriter(file, passphrase, about) as encrypted,
        gzip.GzipFile(fileobj=encrypted, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        for name, path in members:
            try:
                with path.open("rb") as content:
                    member = tarfile.TarInfo(name)
                    member.size, member.mode = os.fstat(content.fileno()).st_size, 0o600
                    member.mtime = int(os.fstat(content.fileno()).st_mtime)
                    counted = _Counted(content)
                    tar.addfile(member, counted)
            except FileNotFoundError:
                continue
            manifest[name] = counted.bytes, counted.sha256
        text = json.dumps(manifest).encode()
        member = tarfile.TarInfo(MANIFEST)
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    return manifest


def read_archive(file: IO[bytes], passphrase: str, folder: Path, *, with_media: bool) -> Manifest:
    """Unpack into `folder` and compare each member with the manifest; media are only read unless wanted.
    DecryptionError for a wrong passphrase and a file that is damaged or not whole; OSError."""
    found, manifest = Manifest(), None
    try:
        with (
            io.BufferedReader(EncryptedReader(file, passphrase), COPY_BYTES) as opened,
            gzip.GzipFile(fileobj=opened, mode="rb") as packed,
            tarfile.open(fileobj=packed, mode="r|") as tar,
        ):
            for member in tar:
                content = tar.extractfile(member) if member.isfile() else None
                if content is None or manifest is not None:
                    raise DecryptionError("The backup has something that Skycam does not write.")
                if member.name == MANIFEST:
                    manifest = {name: tuple(one) for name, one in json.load(content).items()}
                    continue
                target = _target(folder, member.name)
                is_wanted = with_media or not is_media(member.name)
                found[member.name] = _store(content, target if is_wanted else None, member.mtime)
            # Up to the end, where the last chunk says that nothing is missing.
            while packed.read(COPY_BYTES):
                pass
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, ValueError) as error:
        raise DecryptionError(f"The backup cannot be unpacked ({error}). Use another one.") from None
    if manifest is None or manifest != found:
        raise DecryptionError("The backup is not whole: its files differ from its list. Use another one.")
    return found


def _target(folder: Path, name: str) -> Path:
    """DecryptionError for a name that leads out of the folder: the passphrase alone says who wrote the file."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.parts[0] not in TOP:
        raise DecryptionError("The backup has something that Skycam does not write.")
    return folder.joinpath(*path.parts)


def _store(content: IO[bytes], target: Path | None, modified: float) -> tuple[int, str]:
    counted = _Counted(content)
    if target is None:
        while counted.read(COPY_BYTES):
            pass
        return counted.bytes, counted.sha256
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while chunk := counted.read(COPY_BYTES):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    os.utime(target, (modified, modified))
    return counted.bytes, counted.sha256
