"""The job `integrity` compares the rows of files with the files of a host; its findings are stored, and answered by
the API. A root is walked folder by folder in a fixed order, so that the walk can continue after a kill. Symbolic
links are never followed. A name can be any bytes: it is text with surrogate escapes (`os.fsdecode`)."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from cameras.models import Camera
from cameras.spool.durable import RootFiles
from cameras.spool.storage import RootMissing
from captures.capturing.models import CaptureFile
from captures.organizing.findings import printable
from captures.recordings.clips.models import Clip
from captures.recordings.clips.services import folder_of, open_root
from captures.roots.models import StorageRoot
from captures.storage.integrity.models import FindingKind, FindingState, IntegrityFinding
from captures.storage.stored_files import FILE_TABLES, StoredFile
from core.jobs.context import JobContext
from core.resources.fields import Fields, Rows
from core.resources.resource import body_of
from core.resources.values import Column, Id
from core.text.csv_lines import csv_line
from core.text.sentences import pluralize
from core.times.timestamps import Stamp

FOLDERS = ("captures", "clips")
"""Folders of a root in which each file has a row. Archives have files of their own beside those with rows."""
SETTLED_S = 600.0
"""Seconds without a change after which a file has a row: until then it may be on its way to the database."""
NAMES = 500
CHUNK_BYTES = 1 << 20
REPORT_EACH = 200


OpenRoots = dict[UUID, tuple[StorageRoot, RootFiles]]


class Stopped(Exception):
    """The job is to stop."""


def check_integrity(context: JobContext) -> dict[str, Any]:
    """Argument: `hash`, whether the content is read, too. Continues at the checkpoint. The findings are rows."""
    check = IntegrityCheck(context)
    with contextlib.suppress(Stopped):
        check.run()
    return check.report()


class IntegrityCheck:
    """One pass over the tables of files, then over the folders of the roots."""

    def __init__(self, context: JobContext) -> None:
        self.context, self.host = context, settings.STATION.host
        self.hashed = bool(context.arguments.get("hash"))
        self._store = FindingStore(self.host, context.id)
        state = context.checkpoint or {}
        self._rows: dict[str, str] = state.get("rows", {})
        """Table -> the key behind which it continues."""
        self._folders: dict[str, str] = state.get("folders", {})
        """Root and folder -> the last folder that was checked, in hexadecimal: names can be any bytes."""
        self._rows_checked: int = state.get("rows_checked", 0)
        self._files_checked: int = state.get("files_checked", 0)
        self._left_out: dict[str, str] = state.get("left_out", {})
        """Root -> why. Also after a kill: the rows before the checkpoint were not compared with its files."""

    def run(self) -> None:
        """Stopped."""
        with contextlib.ExitStack() as stack:
            roots = self._open_roots(stack)
            for name in FILE_TABLES:
                self._check_rows(roots, name)
            for root, files in list(roots.values()):
                with self._giving_up(roots, root):
                    for folder in FOLDERS:
                        self._check_folders(files, root, folder)
        self._report(always=True)
        # Only a check that came to its end knows what is gone.
        self._store.close_others(list(roots), self.hashed)

    def report(self) -> dict[str, Any]:
        return {
            "rows": self._rows_checked,
            "files": self._files_checked,
            "problems": list(self._left_out.values()),
            **self._store.count(),
        }

    def _open_roots(self, stack: contextlib.ExitStack) -> OpenRoots:
        """Those that are mounted: the files of others are not reported."""
        roots: OpenRoots = {}
        for root in StorageRoot.objects.filter(host=self.host).exclude(pk__in=self._left_out):
            with self._giving_up(roots, root):
                roots[root.pk] = root, stack.enter_context(open_root(root))
        return roots

    @contextlib.contextmanager
    def _giving_up(self, roots: OpenRoots, root: StorageRoot) -> Iterator[None]:
        """A root whose disk fails is left out from then on."""
        try:
            yield
        except RootMissing as error:
            self._left_out[str(root.pk)] = str(error)
            roots.pop(root.pk, None)
        except OSError as error:
            self._left_out[str(root.pk)] = f"{root.path} cannot be read: {error.strerror}. Check the disk."
            roots.pop(root.pk, None)

    # Rows

    def _check_rows(self, roots: OpenRoots, name: str) -> None:
        # Of all roots at once, in the order of their keys: SQLite would sort all rows of a root for each batch of them.
        for file in FILE_TABLES[name].iterate(self.host, self._rows.get(name, "")):
            if file.root in roots:
                root, files = roots[file.root]
                with self._giving_up(roots, root):
                    self._check_row(files, root, file)
            self._rows[name] = file.pk
            self._count()

    def _check_row(self, files: RootFiles, root: StorageRoot, file: StoredFile) -> None:
        try:
            size = files.size(folder_of(file.path), file.path.rpartition("/")[2])
        except NotADirectoryError:
            size = None  # a symbolic link in the place of a folder
        if size == file.bytes:
            what = self._content_fault(files, file) if self.hashed else ""
        else:
            what = "Its size differs from its row."
        if not what:
            return
        if not FILE_TABLES[file.table].rows().filter(pk=file.pk).exists():
            return  # deleted on purpose a moment ago
        if size is None:
            self._store.add_row(root, FindingKind.MISSING, file, "The row has no file.", None)
            return
        self._store.add_row(root, FindingKind.MISMATCHING, file, what, size)

    def _content_fault(self, files: RootFiles, file: StoredFile) -> str:
        """Empty for the content that the row has."""
        try:
            found = hash_file(files, file.path, self._check_stop)
        except FileNotFoundError:
            return ""  # deleted since its size was read
        except OSError as error:
            return f"Its content cannot be read: {error.strerror}. Check the disk."
        return "" if found == file.sha256 else "Its content differs from its row."

    # Folders

    def _check_folders(self, files: RootFiles, root: StorageRoot, top: str) -> None:
        place = f"{root.pk}:{top}"
        after = os.fsdecode(bytes.fromhex(self._folders.get(place, "")))
        for folder, found in walk_folders(files, top, after):
            for batch in _batches(found):
                self._check_files(root, batch)
            self._folders[place] = os.fsencode(folder).hex()
            self._report()

    def _check_files(self, root: StorageRoot, found: list[FoundFile]) -> None:
        settled = [file for file in found if file.links == 1 and time.time() - file.changed_at > SETTLED_S]
        # A name that is no text is in no row, and no database takes it as a parameter.
        known = known_paths(root, [file.path for file in settled if is_text(file.path)])
        for file in settled:
            if file.path not in known:
                self._store.add(
                    root, FindingKind.UNTRACKED, file.path, "The file has no row.", bytes=file.bytes,
                    camera_id=camera_of(file.path),
                )  # fmt: skip
        self._files_checked += len(found)
        self._check_stop()

    # Progress

    def _count(self) -> None:
        self._rows_checked += 1
        self._check_stop()
        if self._rows_checked % REPORT_EACH == 0:
            self._report()

    def _report(self, *, always: bool = False) -> None:
        rows, files = self._rows_checked, self._files_checked
        sentence = f"{pluralize(rows, 'row')} and {pluralize(files, 'file')} checked"
        self.context.progress(
            rows + files, None, sentence, always=always, rows=self._rows, folders=self._folders, rows_checked=rows,
            files_checked=files, left_out=self._left_out,
        )  # fmt: skip

    def _check_stop(self) -> None:
        if self.context.should_stop():
            raise Stopped


def known_paths(root: StorageRoot, paths: list[str]) -> set[str]:
    """Those of `paths` that have a row, also one that is being deleted."""
    clips = Clip.objects.filter(root=root, path__in=paths).order_by().values_list("path", flat=True)
    captures = CaptureFile.objects.filter(root=root, path__in=paths).order_by().values_list("path", flat=True)
    return {*clips, *captures}


def is_text(path: str) -> bool:
    """False for a name that is not UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def camera_of(path: str) -> UUID | None:
    """The camera that the folder of a file is named after."""
    parts = path.split("/")
    if len(parts) < 3 or not is_text(parts[1]):
        return None
    return Camera.objects.filter(slug=parts[1]).order_by("-pk").values_list("pk", flat=True).first()


def hash_file(files: RootFiles, path: str, check_stop: Callable[[], None] = lambda: None) -> str:
    """The SHA-256 of a file of a root. OSError; what `check_stop` raises, also within the file."""
    folder, _, name = path.rpartition("/")
    digest = hashlib.sha256()
    with files.folder(folder) as at:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
    try:
        while chunk := os.read(file, CHUNK_BYTES):
            digest.update(chunk)
            check_stop()
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)
    return digest.hexdigest()


def _batches(found: list[FoundFile]) -> Iterator[list[FoundFile]]:
    for begin in range(0, len(found), NAMES):
        yield found[begin : begin + NAMES]


class FoundFile(NamedTuple):
    """A regular file. `pending`: it has another link, such as that of the spool, or was changed a short time ago."""

    path: str
    bytes: int
    changed_at: float
    links: int


class FolderFiles(NamedTuple):
    folder: str
    files: list[FoundFile]


def walk_folders(files: RootFiles, top: str, after: str = "") -> Iterator[FolderFiles]:
    """The folders below `top` (included) behind `after`, each with its files. OSError of a failing disk."""
    yield from _walk(files, top, tuple(after.split("/")) if after else ())


def _walk(files: RootFiles, folder: str, after: tuple[str, ...]) -> Iterator[FolderFiles]:
    place = tuple(folder.split("/"))
    # Folders come before those in them, and those of one folder by name: the order of their paths as tuples.
    if place < after[: len(place)]:
        return
    try:
        with files.folder(folder) as at:
            found, folders = _list(folder, at)
    except (FileNotFoundError, NotADirectoryError):
        return  # moved or replaced meanwhile
    if place > after:
        yield FolderFiles(folder, found)
    for name in sorted(folders):
        yield from _walk(files, f"{folder}/{name}", after)


def _list(folder: str, at: int) -> tuple[list[FoundFile], list[str]]:
    found, folders = [], []
    with os.scandir(at) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                path = f"{folder}/{entry.name}"
                found.append(FoundFile(path, status.st_size, max(status.st_mtime, status.st_ctime), status.st_nlink))
    return found, folders


class FindingBody(Fields):
    """`camera` is null for a file in the folder of no camera. `target` is where a file was set aside, in its root."""

    id: Annotated[Id, Column("pk")]
    kind: str
    state: str
    host: str
    root: Annotated[str, Column("root_path")]
    camera: Annotated[str | None, Column("camera_slug")]
    path: str
    bytes: int | None
    expected_bytes: int | None
    message: str
    found: Annotated[Stamp, Column("found_at")]
    target: str
    decided_by: str


class FindingPage(Rows):
    results: list[FindingBody]


class FindingStore:
    """The findings of one check, `job`. In batches, so that its memory does not grow."""

    def __init__(self, host: str, job: str) -> None:
        self._host, self._job = host, job

    def add(self, root: StorageRoot, kind: FindingKind, path: str, message: str, **fields: Any) -> None:
        raw = os.fsencode(path)
        values = {"check_job": self._job, "found_at": timezone.now(), "message": message, **fields}
        # The database decides whether it is known: a check that was killed begins its last batch again.
        IntegrityFinding.objects.update_or_create(
            root=root,
            kind=kind,
            path_digest=hashlib.sha256(raw).hexdigest(),
            state=FindingState.OPEN,
            defaults=values,
            create_defaults={"host": self._host, "path": printable(path), "raw_path": raw, **values},
        )

    def add_row(self, root: StorageRoot, kind: FindingKind, file: StoredFile, message: str, size: int | None) -> None:
        self.add(
            root, kind, file.path, message, table=file.table, row=file.pk, camera_id=file.camera, bytes=size,
            expected_bytes=file.bytes,
        )  # fmt: skip

    def count(self) -> dict[str, int]:
        """The number of open findings of this check, by kind."""
        own = IntegrityFinding.objects.filter(check_job=self._job, state=FindingState.OPEN)
        return {kind: own.filter(kind=kind).count() for kind in FindingKind.values}

    def close_others(self, roots: list[UUID], hashed: bool) -> int:
        """Close the open findings in these roots that this check did not find again."""
        others = IntegrityFinding.objects.filter(host=self._host, root__in=roots, state=FindingState.OPEN)
        others = others.exclude(check_job=self._job)
        if not hashed:
            # Only reading the content shows a change that leaves the size.
            others = others.exclude(kind=FindingKind.MISMATCHING, bytes=F("expected_bytes"))
        return others.update(state=FindingState.GONE, decided_at=timezone.now())


finding_body = partial(body_of, FindingBody)


def csv_lines(findings: Iterable[IntegrityFinding]) -> Iterator[str]:
    """The lines of a table; a file name cannot become a formula."""
    yield csv_line(FindingBody.model_fields)
    for finding in findings:
        yield csv_line("" if value is None else str(value) for value in finding_body(finding).values())
