"""A disk in memory that can be killed between any two calls and can lose what was not fsynced.

It implements `cameras.spool.durable.Files`. A folder keeps its changes since its last fsync in order; a
power cut keeps a beginning of that list, and of a file's content only what was fsynced.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


class Killed(BaseException):
    """The process ended here."""


@dataclass(eq=False)
class Inode:
    content: bytes = b""
    safe: bytes | None = None


@dataclass
class Folder:
    names: dict[str, Inode] = field(default_factory=dict)
    safe: dict[str, Inode] = field(default_factory=dict)
    pending: list[dict[str, Inode | None]] = field(default_factory=list)

    def put(self, name: str, inode: Inode | None) -> None:
        self.pending.append({name: inode})
        _apply(self.names, name, inode)

    def sync(self) -> None:
        self.safe, self.pending = dict(self.names), []


def _apply(names: dict[str, Inode], name: str, inode: Inode | None) -> None:
    if inode is None:
        names.pop(name, None)
    else:
        names[name] = inode


class MemoryFiles:
    def __init__(self) -> None:
        self.folders = {"": Folder()}
        self.steps = 0
        self.kill_at: int | None = None
        self.beside: Callable[[], None] = lambda: None
        self.beside_at: int | None = None

    def step(self) -> None:
        """Between any two calls: another process may run, and this one may be killed."""
        self.steps += 1
        if self.steps == self.beside_at:
            self.beside_at = None
            self.beside()
        if self.steps == self.kill_at:
            self.kill_at = None
            raise Killed

    def power_cut(self, kept: float) -> None:
        """Keep this share of each folder's unsynced changes, from the first on."""
        for folder in self.folders.values():
            names = dict(folder.safe)
            for change in folder.pending[: round(len(folder.pending) * kept)]:
                for name, inode in change.items():
                    _apply(names, name, inode)
            folder.names = names
            for inode in names.values():
                inode.content = inode.safe or b""
            folder.sync()

    def create(self, folder: str, name: str, chunks: Iterable[bytes]) -> None:
        if name in self.folders[folder].names:
            raise FileExistsError(errno.EEXIST, name)
        inode = Inode()
        self.folders[folder].put(name, inode)
        self.step()
        inode.content = b"".join(bytes(chunk) for chunk in chunks)
        self.step()
        inode.safe = inode.content
        self.step()

    def overwrite(self, folder: str, name: str, content: bytes) -> None:
        inode = self.folders[folder].names[name]
        inode.content = content + inode.content[len(content) :]
        self.step()
        inode.safe = inode.content
        self.step()

    def preallocate(self, folder: str, name: str, size: int) -> None:
        self.create(folder, name, [b"\0" * size])

    def link(self, folder: str, name: str, to_folder: str, to_name: str) -> None:
        inode = self._inode(folder, name)
        if to_name in self.folders[to_folder].names:
            raise FileExistsError(errno.EEXIST, to_name)
        self.folders[to_folder].put(to_name, inode)
        self.step()

    def rename(self, folder: str, name: str, to_name: str) -> None:
        inode = self._inode(folder, name)
        at = self.folders[folder]
        _apply(at.names, name, None)
        _apply(at.names, to_name, inode)
        at.pending.append({name: None, to_name: inode})
        self.step()

    def move_aside(self, folder: str, name: str, to_folder: str) -> None:
        self.folders[to_folder].put(name, self._inode(folder, name))
        self.folders[folder].put(name, None)
        self.step()

    def unlink(self, folder: str, name: str) -> None:
        if name in self.folders[folder].names:
            self.folders[folder].put(name, None)
            self.step()

    def make_folders(self, folder: str) -> None:
        parts = folder.split("/")
        for depth in range(1, len(parts) + 1):
            self.folders.setdefault("/".join(parts[:depth]), Folder())

    def sync(self, folder: str) -> None:
        self.folders[folder].sync()
        self.step()

    def names(self, folder: str) -> list[str]:
        return list(self.folders[folder].names)

    def read(self, folder: str, name: str) -> bytes:
        return self._inode(folder, name).content

    def size(self, folder: str, name: str) -> int | None:
        inode = self.folders.get(folder, Folder()).names.get(name)
        return None if inode is None else len(inode.content)

    def is_same_file(self, folder: str, name: str, other_folder: str, other_name: str) -> bool:
        one = self.folders[folder].names.get(name)
        return one is not None and one is self.folders[other_folder].names.get(other_name)

    def links(self, folder: str, name: str) -> int:
        inode = self.folders[folder].names.get(name)
        return sum(inode is other for at in self.folders.values() for other in at.names.values() if inode)

    def _inode(self, folder: str, name: str) -> Inode:
        try:
            return self.folders[folder].names[name]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, name) from None
