"""uvicorn's protocols with a deadline of ours: a live viewer that does not read is cut off.

uvicorn waits for such a client for ever, in `send` and when it closes; only the transport can end that.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

STALLED_S = 10.0
STREAMS = ("/stream.mjpeg", "/video/feed")
MOST_UNSENT_BYTES = 512 * 1024
"""What the kernel keeps for a WebSocket; its default of several MB would be seconds of old pictures."""
LARGEST_MESSAGE_BYTES = 65_536
LARGEST_HEAD_BYTES = 65_536


class Deadline:
    """A mixin before an asyncio.Protocol of uvicorn's, whose `transport` it aborts."""

    transport: asyncio.Transport
    _expiry: asyncio.TimerHandle | None = None

    @property
    def live(self) -> bool:
        return True

    def pause_writing(self) -> None:
        super().pause_writing()  # type: ignore[misc]
        if self.live:
            self._expiry = asyncio.get_running_loop().call_later(STALLED_S, self.transport.abort)

    def resume_writing(self) -> None:
        self._forget()
        super().resume_writing()  # type: ignore[misc]

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)  # type: ignore[misc]

    def shutdown(self) -> None:
        """The server ends: what is said already goes out, but nobody is waited for."""
        super().shutdown()  # type: ignore[misc]
        if self.live:
            self.transport.abort() if self._expiry else self.transport.close()

    def _forget(self) -> None:
        if self._expiry:
            self._expiry.cancel()
            self._expiry = None


class WebSockets(Deadline, WebSocketsSansIOProtocol):
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_UNSENT_BYTES)

    def send_receive_event_to_app(self) -> None:
        """uvicorn writes a traceback for text that is no UTF-8; as bytes the consumer refuses it."""
        if self.curr_msg_data_type == "text" and not is_text(b"".join(self.frames)):
            self.curr_msg_data_type = "bytes"
        super().send_receive_event_to_app()


class Http(Deadline, HttpToolsProtocol):
    """Only MJPEG streams have the deadline: a paused film or download may wait for hours.

    The parser keeps a head of any length; one of more than LARGEST_HEAD_BYTES is refused. What may stand before and
    behind a chunk counts as a head too, and what stands behind the last one never becomes a header.

    uvicorn looks at the newest request alone when a client leaves. The one that is answered may be an older one.
    """

    _head_bytes = 0
    _in_head = True
    _has_headers = False
    _answered: RequestResponseCycle | None = None

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > LARGEST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"A request's head has at most {LARGEST_HEAD_BYTES} bytes.")

    def on_message_begin(self) -> None:
        self._has_headers = False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_headers:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._has_headers = False, True
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        self._in_head, self._head_bytes = True, 0

    def on_body(self, body: bytes) -> None:
        self._in_head = False
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered:
            self._answered.disconnected = not self._answered.response_complete
            self._answered.message_event.set()
        super().connection_lost(exc)

    @property
    def live(self) -> bool:
        answered = self._answered
        return bool(answered and not answered.response_complete and answered.scope["path"].endswith(STREAMS))


def is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
