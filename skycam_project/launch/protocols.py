"""uvicorn's protocols with timeouts and limits: they disconnect a client that does not send its request in time and a
live viewer that does not read, and they limit the number of connections, in total and per address. uvicorn itself
waits for such clients without limit, in `send` and at shutdown. Only the transport can end that."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import Counter
from functools import partial
from typing import Any, ClassVar

from uvicorn.middleware.proxy_headers import _TrustedHosts
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from core.addresses import client_network
from core.limits.refusals import count_refusal
from core.open_files import connections_within, raise_limit
from core.relay import RELAY, Relay, RelayFailed
from skycam_project.config.web import LimitsConfig

log = logging.getLogger(__name__)


class ConnectionLimiter:
    """Used by one event loop. A connection is idle while the server waits for its client. The connection that has been
    idle longest is closed for a new one, so that clients that hold connections open lock no one out."""

    def __init__(self, limits: LimitsConfig, proxies: list[str]) -> None:
        self.limits = limits
        self.most = min(limits.connections, connections_within(raise_limit()))
        # uvicorn's own rule, so that the limits and X-Forwarded-For trust the same addresses.
        self._proxies = _TrustedHosts(proxies)
        self._addresses: dict[asyncio.Transport, str] = {}
        self._count: Counter[str] = Counter()
        # In the order in which they became idle: the first one has been idle longest.
        self._idle: dict[asyncio.Transport, None] = {}

    def admit(self, transport: asyncio.Transport) -> bool:
        """Whether the connection is accepted. It may take the slot of an idle one, which is closed."""
        address = self._address_of(transport)
        if address and self._count[address] >= self.limits.connections_per_address:
            if not self._close_idle(address):
                count_refusal("connections of an address")
                return False
        elif len(self._addresses) >= self.most and not self._close_idle(None):
            count_refusal("connections")
            return False
        self._addresses[transport] = address
        self._count[address] += 1
        # Idle until its first request is complete: a client that sends nothing is closed for a new one.
        self._idle[transport] = None
        return True

    def mark_idle(self, transport: asyncio.Transport) -> None:
        # The response of a connection that `_close_idle` has just closed may still complete.
        if transport in self._addresses:
            self._idle[transport] = None

    def mark_active(self, transport: asyncio.Transport) -> None:
        self._idle.pop(transport, None)

    def remove(self, transport: asyncio.Transport) -> None:
        # Called twice for a connection that `_close_idle` closed: the second time by its connection_lost().
        address = self._addresses.pop(transport, None)
        self._idle.pop(transport, None)
        if address is None:
            return
        self._count[address] -= 1
        if not self._count[address]:
            del self._count[address]

    def _address_of(self, transport: Any) -> str:
        """Empty for a trusted proxy, which many clients share, and for a connection without an address."""
        peer = transport.get_extra_info("peername")
        host = peer[0] if isinstance(peer, tuple) else ""
        return "" if host in self._proxies else client_network(host)

    def _close_idle(self, address: str | None) -> bool:
        """Close the connection that has been idle longest, of this address or of all. False when none is idle."""
        candidates = (one for one in self._idle if address is None or self._addresses[one] == address)
        found = next(candidates, None)
        if found is None:
            return False
        count_refusal("quiet connections")
        # The slot is needed now, and abort() calls connection_lost() later. close() would first send what is buffered,
        # to a client that may not read.
        self.remove(found)
        found.abort()
        return True


STREAMS = ("/stream.mjpeg", "/video/feed")
SEND_BUFFER_BYTES = 512 * 1024
"""The kernel's send buffer of a WebSocket. The default of several MB would hold outdated pictures of some seconds."""
LARGEST_MESSAGE_BYTES = 65_536
LARGEST_HEAD_BYTES = 65_536

REQUEST_TIMEOUT = b"HTTP/1.1 408 Request Timeout"
SERVICE_UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable"
RETRY_S = 5


def final_response(status: bytes, sentence: str) -> bytes:
    """A response that the protocol sends itself, before it closes the connection."""
    body = sentence.encode()
    head = f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\nretry-after: {RETRY_S}\r\n"
    return status + b"\r\n" + head.encode() + b"connection: close\r\n\r\n" + body


class WriteDeadline:
    """A mixin before one of uvicorn's protocols. It aborts the `transport` of a client that reads nothing for
    `stalled_s`."""

    stalled_s: ClassVar[float] = 10.0
    transport: asyncio.Transport
    _write_timer: asyncio.TimerHandle | None = None

    @property
    def has_write_deadline(self) -> bool:
        return True

    def pause_writing(self) -> None:
        super().pause_writing()  # type: ignore[misc]
        # asyncio calls this once until the buffer has drained, so one timer is enough. abort() discards the buffer;
        # close() would wait until the client has read it.
        if self.has_write_deadline:
            self._write_timer = asyncio.get_running_loop().call_later(self.stalled_s, self.transport.abort)

    def resume_writing(self) -> None:
        self._cancel_write_timer()
        super().resume_writing()  # type: ignore[misc]

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_write_timer()
        super().connection_lost(exc)  # type: ignore[misc]

    def shutdown(self) -> None:
        """At shutdown, data that is already buffered is still sent, but a stalled client is not waited for."""
        super().shutdown()  # type: ignore[misc]
        if self.has_write_deadline:
            self.transport.abort() if self._write_timer else self.transport.close()

    def _cancel_write_timer(self) -> None:
        if self._write_timer:
            self._write_timer.cancel()
            self._write_timer = None


class WebSocketProtocol(WriteDeadline, WebSocketsSansIOProtocol):
    """`serve()` sets `connection_limiter`."""

    connection_limiter: ClassVar[ConnectionLimiter]

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:
        # HttpProtocol admitted this transport, but after the upgrade its connection_lost() is not called.
        self.connection_limiter.remove(self.transport)
        super().connection_lost(exc)

    async def send(self, message: Any) -> None:
        """A message may bring its `frame`, the same for many clients; uvicorn would make a new one for each."""
        frame = message.get("frame")
        await self.writable.wait()
        # Everything else, such as a socket that is closing, is uvicorn's to answer.
        if frame and not self.disconnected and self.conn.state is State.OPEN and not self.conn.extensions:
            self.transport.write(frame)
        else:
            await super().send(message)

    def send_receive_event_to_app(self) -> None:
        """uvicorn logs a traceback for text that is not UTF-8. Passed on as bytes, the consumer refuses it."""
        if self.curr_msg_data_type == "text" and not is_text(b"".join(self.frames)):
            self.curr_msg_data_type = "bytes"
        super().send_receive_event_to_app()


class HttpProtocol(WriteDeadline, HttpToolsProtocol):
    """Only MJPEG streams have the write deadline: a paused film or download may wait for hours.

    The parser accepts a head of any length; a head above LARGEST_HEAD_BYTES is refused. Trailers count as a head too,
    and never become headers. Chunk extensions have no limit but the body's timeout: the parser discards them.

    When a client disconnects, uvicorn marks only its newest request. With pipelining, the request that is being
    answered may be an older one; `connection_lost` marks that one.

    Head and body each have a read timeout from their first byte; the first head has it from the connection. Between
    two requests uvicorn's own keep-alive timeout applies. While a response is pending, no timeout does.
    """

    connection_limiter: ClassVar[ConnectionLimiter]
    _read_timer: asyncio.TimerHandle | None = None
    _refused = False
    _head_bytes = 0
    _in_head = True
    _has_headers = False
    _head_begun = False
    _current_cycle: RequestResponseCycle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._refused = not self.connection_limiter.admit(transport)
        if self._refused:
            transport.write(
                final_response(SERVICE_UNAVAILABLE, "The station has too many connections. Try again soon.")
            )
            transport.close()
        else:
            self._start_read_timer(self.connection_limiter.limits.head_s)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        # The next request of a kept connection: uvicorn's keep-alive timer ends with its first byte.
        if self._read_timer is None and self._in_head and not self._response_pending:
            self._start_read_timer(self.connection_limiter.limits.head_s)
        # The check after parsing is enough: asyncio reads at most 256 KiB at a time.
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > LARGEST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"A request's head has at most {LARGEST_HEAD_BYTES} bytes.")

    def on_message_begin(self) -> None:
        self._head_begun = True
        self._has_headers = False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        # The parser reports trailers here too. The scope has the list of headers itself, so a trailer such as
        # Authorization would become a header of the running request.
        if not self._has_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._has_headers, self._head_begun = False, True, False
        super().on_headers_complete()
        if self.cycle is not None:
            self.scope["extensions"] = {RELAY: partial(self._relay, self.cycle)}  # type: ignore[dict-item]
        # A request without a body is complete in the same read, which cancels this timer.
        self._start_read_timer(self.connection_limiter.limits.body_s)

    def on_chunk_header(self) -> None:
        # After the last chunk come trailers, which the parser accepts without a limit; on_body() ends this state after
        # any other chunk.
        self._in_head, self._head_bytes = True, 0

    def on_body(self, body: bytes) -> None:
        self._in_head = False
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._cancel_read_timer()
        # From here the server works for the client, so the connection is not closed for a new one.
        self.connection_limiter.mark_active(self.transport)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # super() may have started the next pipelined request.
        if not self._response_pending:
            self.connection_limiter.mark_idle(self.transport)
            # The beginning of the next head came while the answer was pending: from now on the client is waited for.
            if self._head_begun and self._read_timer is None and not self.transport.is_closing():
                self._unset_keepalive_if_required()
                self._start_read_timer(self.connection_limiter.limits.head_s)

    async def _relay(self, cycle: RequestResponseCycle, source: socket.socket, length: int) -> None:
        """Copy `length` bytes of the body of a response that has begun. If that fails, the client's connection is
        aborted: it has the length of the file, and could not know otherwise."""
        # The head must be sent, or the copied bytes would overtake it.
        self.transport.set_write_buffer_limits(high=0)
        try:
            if cycle.flow.write_paused:
                await cycle.flow.drain()
            if cycle.disconnected:
                return
            # Of its own: the loop refuses to watch the descriptor of a transport.
            target = os.dup(self.transport.get_extra_info("socket").fileno())
            try:
                await Relay(source, target, length).run()
            finally:
                os.close(target)
            cycle.expected_content_length -= length
        except (OSError, RelayFailed) as error:
            if not cycle.disconnected:
                log.warning("A file of another host could not be sent to its end: %s", error)
            cycle.disconnected = True
            self.transport.abort()
        finally:
            self.transport.set_write_buffer_limits()

    def _start_read_timer(self, timeout_s: float) -> None:
        self._cancel_read_timer()
        self._read_timer = asyncio.get_running_loop().call_later(timeout_s, self._on_read_timeout, timeout_s)

    def _cancel_read_timer(self) -> None:
        if self._read_timer:
            self._read_timer.cancel()
            self._read_timer = None

    def _on_read_timeout(self, timeout_s: float) -> None:
        self._read_timer = None
        if self.transport.is_closing():
            # Closed already, but its client does not read the answer.
            self.transport.abort()
        elif self._response_pending and self._current_cycle is not self.cycle:  # pipelined: earlier requests come first
            self._start_read_timer(timeout_s)
        else:
            count_refusal("slow requests")
            # Within a response that has begun, a second status line would count as its content.
            if not (self._response_pending and self._current_cycle and self._current_cycle.response_started):
                self.transport.write(
                    final_response(REQUEST_TIMEOUT, f"The request did not come within {timeout_s:g} s.")
                )
            self.transport.close()

    @property
    def _response_pending(self) -> bool:
        return bool(self._current_cycle and not self._current_cycle.response_complete)

    def handle_websocket_upgrade(self) -> None:
        # The transport passes to WebSocketProtocol: the timer would write a 408 between its frames. A WebSocket is
        # never idle, since silence is normal there.
        self._cancel_read_timer()
        self.connection_limiter.mark_active(self.transport)
        super().handle_websocket_upgrade()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # uvicorn calls this for direct and for pipelined requests: only here is it known which one is being answered.
        self._current_cycle = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_read_timer()
        self.connection_limiter.remove(self.transport)
        if self._current_cycle:
            self._current_cycle.disconnected = not self._current_cycle.response_complete
            self._current_cycle.message_event.set()
        super().connection_lost(exc)

    @property
    def has_write_deadline(self) -> bool:
        answered = self._current_cycle
        return bool(answered and not answered.response_complete and answered.scope["path"].endswith(STREAMS))


def is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
