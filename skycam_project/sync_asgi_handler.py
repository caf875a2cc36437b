"""Django over ASGI with one call on a thread for each request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import IO, Any

from asgiref.sync import sync_to_async
from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.db import connections
from django.http import FileResponse
from django.urls import set_script_prefix

from captures.files.host_files.client import RelayedResponse
from core.relay import RELAY


class SyncASGIHandler(ASGIHandler):
    """Middleware, views and signals run as under WSGI, in one call on the request's thread. The event loop only sends,
    and iterates over streams.

    Django's own handler switches to the thread and back for each method of each middleware, for the signals and for the
    end of the response, and it makes two tasks for each request: more work than the rest of a small request.
    docs/decisions/capture-speed.md has the figures. Asynchronous views still work: they run on the loop while the
    thread waits.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        try:
            response = await sync_to_async(self._make_response, thread_sensitive=True)(scope, body)
            if response.streaming:
                await self._send_stream(response, receive, send, scope.get("extensions", {}).get(RELAY))
            else:
                # Without watching for a disconnect: the view has ended, and a server drops what it cannot send.
                await self.send_response(response, send)
        finally:
            body.close()

    def _make_response(self, scope: Any, body: IO[bytes]) -> Any:
        """The response to a request; closed, unless it is a stream, before it is sent: closing it releases the thread's
        database connection, and the client need not wait for another thread switch."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=type(self), scope=scope)
        request, refusal = self.create_request(scope, body)
        response: Any = refusal if request is None else self.get_response(request)
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        if not response.streaming:
            response.close()
        return response

    async def _send_stream(self, response: Any, receive: Any, send: Any, relay: Any) -> None:
        """Send it until its end or until the client disconnects. `relay` is that of the server, None without one."""
        if not response.is_async:
            response.streaming_content = _read_on_thread(response.streaming_content, self.chunk_size)
        try:
            async with asyncio.TaskGroup() as group:
                # It raises RequestAborted, which cancels the sending.
                watch = group.create_task(self.listen_for_disconnect(receive))
                if relay is not None and isinstance(response, RelayedResponse):
                    await self._send_relayed(response, send, relay)
                else:
                    await self.send_response(response, send)
                watch.cancel()
        except* RequestAborted:
            pass
        finally:
            await sync_to_async(response.close, thread_sensitive=True)()

    async def _send_relayed(self, response: RelayedResponse, send: Any, relay: Any) -> None:
        """The head, and what came with it; the server copies the rest from socket to socket."""
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
        headers += [(b"Set-Cookie", one.output(header="").strip().encode("ascii")) for one in response.cookies.values()]
        first, source, left = response.body.take_socket()
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": first, "more_body": True})
        await relay(source, left)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _read_on_thread(parts: Iterator[bytes], chunk_bytes: int) -> AsyncIterator[bytes]:
    """The parts, as many at a time as fill a chunk, read on the request's thread when the client is ready for them.
    Django would make a list of all of them before it sends the first."""
    while chunk := await sync_to_async(_next_chunk, thread_sensitive=True)(parts, chunk_bytes):
        yield chunk


def _next_chunk(parts: Iterator[bytes], chunk_bytes: int) -> bytes:
    """Empty at the end."""
    chunk = bytearray()
    for part in parts:
        chunk += part
        if len(chunk) >= chunk_bytes:
            break
    # A client may take its time, and keeps no connection to the database meanwhile.
    connections.close_all()
    return bytes(chunk)
