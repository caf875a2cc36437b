"""Copies the bytes of one socket to another in the event loop, with flat memory.

The kernel moves them through a pipe where it can (`splice`); with TLS they pass through one buffer. There is no task,
no thread and no object for each chunk: that is most of what a relay costs.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
import ssl
from typing import Protocol

RELAY = "skycam.relay"
"""The extension of an ASGI scope: a coroutine function that copies a number of bytes from a socket to the client."""
PIPE_BYTES = 1 << 20
BUFFER_BYTES = 256 * 1024
TURNS = 8
"""Fills and drains of one callback: then other clients have their turn."""
STALLED_S = 60.0
"""Seconds without a byte of the source: a machine whose power is cut never ends its connection. The client may pause
for as long as it likes."""


class RelayFailed(Exception):
    """The source ended or sends nothing any more, or one of both sockets failed."""


class Channel(Protocol):
    """Holds `waiting` bytes between both sockets. `fill` and `drain` return how many they moved, 0 when the socket
    would block. RelayFailed, OSError."""

    @property
    def waiting(self) -> int: ...

    def fill(self, most: int) -> int: ...
    def drain(self) -> int: ...
    def close(self) -> None: ...


class SpliceChannel:
    def __init__(self, source: int, target: int) -> None:
        self._source, self._target, self.waiting = source, target, 0
        self._out, self._in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # A user has a limit for the memory of all pipes; above it a pipe stays small.
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._in, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def fill(self, most: int) -> int:
        try:
            count = os.splice(self._source, self._in, min(most, PIPE_BYTES), flags=os.SPLICE_F_NONBLOCK)
        except BlockingIOError:
            return 0
        if not count:
            raise RelayFailed("The source ended early.")
        self.waiting += count
        return count

    def drain(self) -> int:
        try:
            count = os.splice(self._out, self._target, self.waiting, flags=os.SPLICE_F_NONBLOCK)
        except BlockingIOError:
            return 0
        self.waiting -= count
        return count

    def close(self) -> None:
        os.close(self._in)
        os.close(self._out)


class CopyChannel:
    """For TLS, whose bytes are not those of the wire."""

    def __init__(self, source: ssl.SSLSocket, target: int) -> None:
        self._source, self._target = source, socket.socket(fileno=os.dup(target))
        self._buffer, self._begin, self._end = memoryview(bytearray(BUFFER_BYTES)), 0, 0

    @property
    def waiting(self) -> int:
        return self._end - self._begin

    def fill(self, most: int) -> int:
        if self._begin == self._end:
            self._begin = self._end = 0
        begun = self._end
        # One call gives one record, of 16 KiB at most.
        while (room := min(BUFFER_BYTES - self._end, most - (self._end - begun))) > 0:
            try:
                count = self._source.recv_into(self._buffer[self._end : self._end + room])
            except (ssl.SSLWantReadError, BlockingIOError):
                break
            if not count and self._end == begun:
                raise RelayFailed("The source ended early.")
            if not count:
                break  # what came before is passed on first, as without TLS
            self._end += count
        return self._end - begun

    def drain(self) -> int:
        try:
            count = self._target.send(self._buffer[self._begin : self._end])
        except BlockingIOError:
            return 0
        self._begin += count
        return count

    def close(self) -> None:
        self._target.close()


class Relay:
    """Copies `length` bytes from `source`, a connected socket, to the descriptor `target`, which does not block."""

    def __init__(self, source: socket.socket, target: int, length: int) -> None:
        self._loop = asyncio.get_running_loop()
        source.setblocking(False)
        self._source, self._target, self._left = source.fileno(), target, length
        self._channel: Channel
        if isinstance(source, ssl.SSLSocket):
            self._channel = CopyChannel(source, target)
        else:
            self._channel = SpliceChannel(self._source, target)
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._waits_for: int | None = None
        self._waits_since = 0.0

    async def run(self) -> None:
        """RelayFailed, OSError. When it is cancelled, nothing more is copied."""
        self._copy()
        # One for the whole relay: a timer for each wait would cost more than the copying.
        self._stalled = self._loop.call_later(STALLED_S, self._end_stalled)
        try:
            await self._done
        finally:
            self._stalled.cancel()
            self._wait_for(None)
            self._channel.close()

    def _copy(self) -> None:
        if self._done.done():
            return
        try:
            self._take_turns()
        except (OSError, RelayFailed) as error:
            self._done.set_exception(error)

    def _end_stalled(self) -> None:
        waited_s = self._loop.time() - self._waits_since if self._waits_for == self._source else 0.0
        if waited_s < STALLED_S:
            self._stalled = self._loop.call_later(STALLED_S - waited_s, self._end_stalled)
        elif not self._done.done():
            self._done.set_exception(RelayFailed(f"The source has sent nothing for {STALLED_S:g} s."))

    def _take_turns(self) -> None:
        for _ in range(TURNS):
            filled = self._channel.fill(self._left) if self._left else 0
            self._left -= filled
            if self._channel.waiting:
                self._channel.drain()
            if self._channel.waiting:
                self._wait_for(self._target)
                return
            if not self._left:
                self._done.set_result(None)
                return
            if not filled:
                self._wait_for(self._source)
                return
        self._loop.call_soon(self._copy)

    def _wait_for(self, descriptor: int | None) -> None:
        """Be called when this socket is ready, and no other."""
        self._waits_since = self._loop.time()
        if descriptor == self._waits_for:
            return
        if self._waits_for == self._source:
            self._loop.remove_reader(self._source)
        elif self._waits_for == self._target:
            self._loop.remove_writer(self._target)
        self._waits_for = descriptor
        if descriptor == self._source:
            self._loop.add_reader(self._source, self._copy)
        elif descriptor == self._target:
            self._loop.add_writer(self._target, self._copy)
