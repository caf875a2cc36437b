"""How a capture gets to the disk, safe against a kill at any time: plan, parts, record (the commit), place, done.

Only the owner of the spool calls it; the owner holds the lock of the folder. docs/internals/spool.md has the protocol.
Change its steps or their order only together with the simulation in tests/faults/test_spool_simulation.py.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cameras.spool.durable import Chunk, Files
from cameras.spool.failpoints import hit_failpoint
from cameras.spool.full_disk import is_out_of_space
from cameras.spool.records import ClipPlan, Plan, RecordBase, SessionContent

# A full disk can record this many outcomes until the ingest removes records or someone frees space.
SLOTS = 64
SLOT_BYTES = 8192
# For the files that are replaced: the session, and its agenda of 48 hours.
LARGE_SLOTS = 2
LARGE_SLOT_BYTES = 131_072
# Part of a file name that the recovery must recognise by `recovery.PART`.
KIND = re.compile(r"[a-z0-9]{1,10}\Z")
SUFFIX = re.compile(r"\.[a-z0-9]{1,5}\Z")


@dataclass(frozen=True, slots=True)
class Part:
    """A part on the disk: its kind, its ending (`.jpg`), its length and its hash."""

    kind: str
    suffix: str
    bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None


def spool_folder(camera: str, part: str = "") -> str:
    """The folder of a camera's spool. `part` is `clips` for the spool of its clips."""
    # Parsed, so that no other text becomes part of a path.
    return f".spool/{UUID(camera)}/{part}".rstrip("/")


class Spool:
    def __init__(self, files: Files, camera: str, part: str = "") -> None:
        self.files = files
        self.folder = spool_folder(camera, part)
        # The still thread records captures while the camera loop saves its session: no two may fill the same slot.
        self._filling = threading.Lock()

    # Step 0

    def plan(self, plan: Plan | ClipPlan) -> None:
        """Write the plan. FileExistsError when the spool has any file of this id: an id is never exposed twice."""
        if self.has_trace(plan["id"]):
            raise FileExistsError(f"The spool already has capture {plan['id']}.")
        # A try that failed after the create has left it.
        self.files.unlink(self.folder, f"tmp-{plan['id']}")
        self.files.create(self.folder, f"tmp-{plan['id']}", [_bytes(plan)])
        # A kill during the write must not leave a plan that cannot be read: its session and index would be unknown.
        self.files.rename(self.folder, f"tmp-{plan['id']}", f"{plan['id']}.plan")
        self.files.sync(self.folder)
        hit_failpoint("after_plan")

    def has_trace(self, capture: str) -> bool:
        return any(self.files.size(self.folder, f"{capture}.{ending}") is not None for ending in _TRACES)

    # Step 1

    def write_part(self, capture: str, kind: str, suffix: str, chunks: Iterable[Chunk]) -> Part:
        """Write and hash one file. Raises the disk's OSError; after EIO the caller writes all parts again, once."""
        if not KIND.match(kind) or not SUFFIX.match(suffix):
            raise ValueError(f"{kind!r} with the ending {suffix!r} is not a valid kind of file.")
        digest = hashlib.sha256()
        total = 0

        def counted() -> Iterator[Chunk]:
            nonlocal total
            for chunk in chunks:
                digest.update(chunk)
                total += len(chunk)
                yield chunk

        # The fsync of the folder in `commit` makes this name durable as well.
        self.files.create(self.folder, f"{capture}.{kind}.part", counted())
        hit_failpoint("after_part")
        return Part(kind, suffix, total, digest.hexdigest())

    # Step 2

    def commit(self, record: RecordBase) -> None:
        """Commit the record durably under its name. FileExistsError when there is one: the first outcome is final."""
        with self._durable_temporary(f"tmp-{record['id']}", _bytes(record)) as temporary:
            try:
                # A link fails if there is a record already; a rename would replace the first outcome.
                self.files.link(self.folder, temporary, self.folder, f"{record['id']}.json")
            finally:
                # Also if it is a slot: it is the record under another name, and must not be filled again.
                self.files.unlink(self.folder, temporary)
        self.files.sync(self.folder)
        hit_failpoint("after_record")

    @contextmanager
    def _durable_temporary(self, name: str, content: bytes) -> Iterator[str]:
        """The name of a file with the content: a new one, or a preallocated slot when the disk is full. In the block it
        is moved to its own name."""
        self.files.unlink(self.folder, name)
        try:
            self.files.create(self.folder, name, [content])
        except OSError as error:
            if not is_out_of_space(error):
                raise
            with self._filling:
                yield self._fill_slot(content, error)
        else:
            yield name

    def _fill_slot(self, content: bytes, full: OSError) -> str:
        # `slot-large-0` comes after `slot-63`: a large one is only used when the content needs it.
        for slot in sorted(self.files.names(self.folder)):
            room = slot_bytes(slot)
            if slot.startswith("slot-") and len(content) <= room:
                # Padded with spaces, which JSON allows, unlike the NUL bytes of a slot that was never used.
                self.files.overwrite(self.folder, slot, content.ljust(room))
                return slot
        raise full

    # Step 3

    def place(self, record: RecordBase) -> None:
        """Link each part to its final path. FileExistsError when another file has that path."""
        for file in record["files"]:
            folder, _, name = file["path"].rpartition("/")
            self.files.make_folders(folder)
            try:
                self.files.link(self.folder, file["part"], folder, name)
            except FileExistsError:
                # Placed by an owner that was killed before step 4.
                if not self.files.is_same_file(self.folder, file["part"], folder, name):
                    raise
            except FileNotFoundError:
                # Placed, and the part removed, by an owner that was killed in step 4.
                if self.files.size(folder, name) != file["bytes"]:
                    raise
        for folder in {file["path"].rpartition("/")[0] for file in record["files"]}:
            self.files.sync(folder)
        hit_failpoint("after_place")

    # Step 4

    def done(self, record: RecordBase) -> None:
        """Remove the plan and the parts, then rename the record so that the ingest sees it."""
        # Before the rename: otherwise the ingest could remove the record while its plan is still there, and the next
        # recovery would record a saved capture as failed.
        self.files.unlink(self.folder, f"{record['id']}.plan")
        for file in record["files"]:
            self.files.unlink(self.folder, file["part"])
        self.files.rename(self.folder, f"{record['id']}.json", f"{record['id']}.done")
        # One fsync for the whole step: if a power cut undoes the end of it, the recovery repeats it.
        self.files.sync(self.folder)
        hit_failpoint("after_done")

    # Other files

    def replace(self, name: str, content: SessionContent | Mapping[str, Any]) -> None:
        """Replace a file of the owner durably: the state of a session, or the agenda."""
        with self._durable_temporary(f"tmp-{name}", _bytes(content)) as temporary:
            self.files.rename(self.folder, temporary, name)
        self.files.sync(self.folder)

    def read(self, name: str) -> dict[str, Any]:
        """Read a JSON object. ValueError when the file has none."""
        content = json.loads(self.files.read(self.folder, name))
        if not isinstance(content, dict):
            raise ValueError(f"{name} is not a JSON object.")
        return content

    def names(self) -> list[str]:
        # In the order of creation, because ids are UUIDv7: the recovery must count the captures of a session by index.
        return sorted(self.files.names(self.folder))

    def refill_slots(self) -> int:
        """Preallocate missing slots; returns how many. A full disk is not an error here."""
        there = set(self.files.names(self.folder))
        missing = [name for name in slot_names() if name not in there]
        made = 0
        try:
            for name in missing:
                self.files.preallocate(self.folder, name, slot_bytes(name))
                made += 1
        except OSError as error:
            if not is_out_of_space(error):
                raise
        if made:
            self.files.sync(self.folder)
        return made


# Not the parts: each of them has a plan or a record, or the recovery removes it.
_TRACES = ("plan", "json", "done")


def slot_names() -> list[str]:
    return [
        *(f"slot-{number:02}" for number in range(SLOTS)),
        *(f"slot-large-{number}" for number in range(LARGE_SLOTS)),
    ]


def slot_bytes(name: str) -> int:
    return LARGE_SLOT_BYTES if name.startswith("slot-large-") else SLOT_BYTES


def _bytes(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def boot_id() -> str:
    """The id of this boot of the machine."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def open_spool_folder(files: Files, camera: str, part: str = "") -> str:
    folder = spool_folder(camera, part)
    files.make_folders(f"{folder}/rejected")
    return folder
