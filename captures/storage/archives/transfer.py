"""Files of an archive from one host to another, over the broker: the one connection that all hosts have.

The receiver asks for pieces, a few at a time, so the broker never holds more than those. The sender answers only for
files of archives on its own host. What arrived stays after a kill, and the SHA-256 of the whole file decides.
"""

from __future__ import annotations

import json
import os
from collections import deque
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import redis
import uuid6
from django.core.exceptions import ValidationError

from captures.files.opened import FileMissing, open_below
from captures.storage.archives.copying import PART, CopyStopped
from captures.storage.archives.models import ArchiveFile, ArchiveFileState
from core.broker import broker
from core.jobs.context import JobContext
from core.retrying_thread import RetryingThread

PIECE_BYTES = 1 << 20
IN_FLIGHT = 6
ANSWER_S, LIFE_S = 20, 60
"""How long the receiver waits for a piece, and how long the broker keeps one that no one fetches, in seconds."""
POLL_S, PAUSE_S = 1, 2.0
OK, REFUSED = b"+", b"-"


class SenderAway(OSError):
    """The host with the file does not send it now. The message says which."""


class BrokerAway(SenderAway):
    def __init__(self, host: str) -> None:
        super().__init__(f"The broker does not answer, so the files of {host} cannot be fetched.")


class FileRefused(SenderAway):
    """The host answers, and this file cannot be had from it. Others can."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A piece of a file of an archive that was asked for."""

    offset: int
    reply: str


def requests_key(host: str) -> str:
    return broker.key("archive", "requests", host)


class ArchiveSender:
    """Answers the requests for files of this host, on a thread of the jobs part."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._thread = RetryingThread("archive-sender", self._answer_one)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop(within_s=POLL_S + 1.0)

    def _answer_one(self) -> float:
        """Seconds until the next call."""
        server = broker.binary_connection()
        try:
            found: Any = server.blpop([requests_key(self._host)], timeout=POLL_S)
            if found is not None:
                answer_request(server, self._host, found[1])
        except broker.UNREACHABLE:
            return PAUSE_S
        return 0.0


def answer_request(server: redis.Redis, host: str, content: bytes) -> None:
    try:
        request = json.loads(content)
        reply, offset = str(request["reply"]), int(request["offset"])
        file = UUID(str(request["file"]))
    except (ValueError, KeyError, TypeError):
        return  # not from a host of ours, and no one waits for an answer
    if not reply.startswith(broker.key("archive", "piece", "")):
        return
    pipe = server.pipeline(transaction=False)
    pipe.rpush(reply, read_piece(host, file, offset))
    pipe.expire(reply, LIFE_S)
    pipe.execute()


def read_piece(host: str, file: UUID, offset: int) -> bytes:
    """A piece of the file, or why not."""
    rows = ArchiveFile.objects.filter(pk=file, folder__host=host, state=ArchiveFileState.COPIED)
    try:
        row = rows.select_related("folder__archive", "folder__root").defer("folder__archive__manifest").get()
        found = open_below(row.folder.root.path, f"{row.folder.archive.folder}/{row.path}")
    except (ArchiveFile.DoesNotExist, ValidationError, FileMissing):
        # Without the path, which names the camera: the reason is shown to all who may see the archive.
        return REFUSED + b"It is missing there, or cannot be opened."
    try:
        return OK + found.read(PIECE_BYTES, max(0, offset))
    except OSError as error:
        return REFUSED + str(error.strerror).encode()
    finally:
        found.close()


def fetch_file(source: ArchiveFile, target: int, context: JobContext) -> None:
    """Append what is missing of the remote file to the descriptor `target`. SenderAway, CopyStopped, OSError of the
    disk."""
    host = source.folder.host
    offset = os.fstat(target).st_size // PIECE_BYTES * PIECE_BYTES
    os.ftruncate(target, offset)
    os.lseek(target, offset, os.SEEK_SET)
    server, waiting, next_offset = broker.binary_connection(), deque[Wanted](), offset
    while next_offset < source.bytes or waiting:
        while next_offset < source.bytes and len(waiting) < IN_FLIGHT:
            waiting.append(_request(server, source, host, next_offset))
            next_offset += PIECE_BYTES
        piece = _await_piece(server, waiting.popleft(), host, context)
        view = memoryview(piece)
        while view:
            view = view[os.write(target, view) :]
    os.fsync(target)


def _request(server: redis.Redis, source: ArchiveFile, host: str, offset: int) -> Wanted:
    wanted = Wanted(offset, broker.key("archive", "piece", str(uuid6.uuid7())))
    content = json.dumps({"file": str(source.pk), "offset": offset, "reply": wanted.reply})
    try:
        pipe = server.pipeline(transaction=False)
        pipe.rpush(requests_key(host), content)
        pipe.expire(requests_key(host), LIFE_S)
        pipe.execute()
    except broker.UNREACHABLE as error:
        raise BrokerAway(host) from error
    return wanted


def _await_piece(server: redis.Redis, wanted: Wanted, host: str, context: JobContext) -> bytes:
    for _ in range(ANSWER_S // POLL_S):
        if context.should_stop():
            raise CopyStopped
        try:
            found: Any = server.blpop([wanted.reply], timeout=POLL_S)
        except broker.UNREACHABLE as error:
            raise BrokerAway(host) from error
        if found is None:
            continue
        answer = bytes(found[1])
        if answer[:1] != OK or len(answer) == 1:
            why = answer[1:].decode(errors="replace") or "It ends early."
            raise FileRefused(f"The host {host} does not send a file of the archive: {why}")
        return answer[1:]
    raise SenderAway(f"The host {host} does not answer, so its files cannot be fetched. Is `skycam up` running there?")


def part_name(name: str) -> str:
    """The temporary name of a file that is being fetched. It stays after a kill, so that the transfer goes on."""
    return f".{name}.fetched{PART}"
