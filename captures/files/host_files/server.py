"""The file server of a host: sends files to the other machines of the station, at signed addresses.

A thread serves one connection, which carries one request. `sendfile` sends a file without reading it; with TLS it is
read in chunks. Memory does not depend on the size of a file.
"""

from __future__ import annotations

import logging
import os
import socket
import ssl
import struct
import sys
import threading
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from django.db import DatabaseError, connection
from django.utils.datastructures import CaseInsensitiveMapping

from captures.files.answers import Answer, FileFacts, Unsatisfiable, answer
from captures.files.host_files.addresses import FILE, HEAD, AddressRefused, FileAddress, check_address
from captures.files.opened import FileChanged, FileMissing, OpenFile, open_below
from captures.roots.models import StorageRoot
from captures.thumbnails.store import ThumbnailStore
from core.addresses import is_private_host

log = logging.getLogger(__name__)
HEAD_S = 10.0
"""Seconds to receive a request, and to agree on TLS."""
STALLED_S = 900
"""Seconds in which a client takes no byte, after which its answer ends. A player asks again for the rest."""
MOST_CONNECTIONS = 256
SENDFILE_BYTES = 1 << 30
"""Of one call of the system, which sends at most 2 GiB."""
TLS_BUFFER_BYTES = 256 * 1024


class FileServer(ThreadingMixIn, TCPServer):
    """Serves on a socket that listens already, until `shutdown`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, listening: socket.socket, host: str, certificate: str = "", key: str = "") -> None:
        """OSError or ssl.SSLError when the certificate or its key cannot be read."""
        super().__init__(listening.getsockname()[:2], FileRequestHandler, bind_and_activate=False)
        self.socket.close()
        self.socket, self.host = listening, host
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self.stalled_s = STALLED_S
        self.tls: ssl.SSLContext | None = None
        if certificate:
            self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.tls.load_cert_chain(certificate, key)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Called in the thread that accepts. A connection above the limit is closed, and its client asks again."""
        return self._free.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may leave at any time."""
        log.debug("A request of %s ended early: %s", client_address[0], sys.exception())


class FileRequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FileServer

    def setup(self) -> None:
        self.request.settimeout(HEAD_S)
        # A machine that vanished without a word is noticed, also while a film is paused.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self.server.tls is not None:
            # In this thread: a client that is slow to agree on TLS delays no other.
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def do_GET(self) -> None:
        self.close_connection = True
        if self.server.tls is None and not is_private_host(self.client_address[0]):
            self._refuse(HTTPStatus.FORBIDDEN, "Outside private networks files need TLS. Set files.certificate.")
            return
        try:
            self._send(check_address(self.path, self.server.host))
        except AddressRefused as error:
            self._refuse(HTTPStatus.FORBIDDEN, str(error))
        except FileMissing as error:
            self._refuse(HTTPStatus.NOT_FOUND, str(error))
        except Unsatisfiable as error:
            headers = {"Content-Range": f"bytes */{error.size}"}
            self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, str(error), headers)
        except DatabaseError:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "The database does not answer.")
        finally:
            # Kept for none of the threads: a host has few connections to the database.
            connection.close()

    do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

    def _send(self, address: FileAddress) -> None:
        root = root_path(address.root, address.host)
        if address.what == FILE:
            self._send_file(address, root)
        else:
            self._send_made(address, root)

    def _send_file(self, address: FileAddress, root: str) -> None:
        file = open_below(root, address.path)
        try:
            if file.size != address.bytes:
                raise FileChanged(address.path, file.size, address.bytes)
            if address.form:
                file.put_before(self._header_of(address, root))
            facts = FileFacts(address.path, file.size, address.sha256, file.modified, address.form)
            found = answer(self.command, CaseInsensitiveMapping(dict(self.headers.items())), facts)
            self._send_head(found.status, found.headers)
            self._send_body(file, found)
        finally:
            file.close()

    def _header_of(self, address: FileAddress, root: str) -> bytes:
        with ThumbnailStore(root) as store:
            found = store.read_head(address.sha256)
        if found is None:
            raise FileMissing(f"The header of {address.path} is gone.")
        return found

    def _send_made(self, address: FileAddress, root: str) -> None:
        """What the host makes of a file: a thumbnail or the header of a clip."""
        with ThumbnailStore(root) as store:
            if address.what == HEAD:
                found = store.read_head(address.sha256)
            else:
                found = store.read_thumbnail(address.sha256, address.size)
            failure = store.read_failure(address.sha256) if found is None else None
        if found is None:
            # Asked for in order to be rendered: a file that is gone would never be.
            open_below(root, address.path).close()
            self._refuse(HTTPStatus.ACCEPTED if failure is None else HTTPStatus.GONE, failure or "")
            return
        self._send_head(200, {"Content-Type": "application/octet-stream", "Content-Length": str(len(found))})
        self.wfile.write(found)

    def _send_body(self, file: OpenFile, found: Answer) -> None:
        if self.command == "HEAD" or found.first == found.end:
            return
        # A machine that is gone is noticed by keep-alive, and one that takes nothing by this: it would hold its place.
        # Not by Python's timeout, which makes the socket one that `sendfile` does not wait for.
        self.request.settimeout(None)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", self.server.stalled_s, 0))
        offset = found.first
        while file.is_in_head(offset) and offset < found.end:
            head = file.read(found.end - offset, offset)
            self.wfile.write(head)
            offset += len(head)
        if isinstance(self.request, ssl.SSLSocket):
            self._copy(file, offset, found.end)
        else:
            self._sendfile(file, offset, found.end)

    def _sendfile(self, file: OpenFile, offset: int, end: int) -> None:
        here, behind = file.own_offset(offset), file.own_offset(end)
        while here < behind:
            sent = os.sendfile(self.request.fileno(), file.descriptor, here, min(SENDFILE_BYTES, behind - here))
            if not sent:
                raise OSError("The file became shorter while it was sent.")
            here += sent

    def _copy(self, file: OpenFile, offset: int, end: int) -> None:
        here, behind, buffer = file.own_offset(offset), file.own_offset(end), memoryview(bytearray(TLS_BUFFER_BYTES))
        while here < behind:
            count = file.read_into(buffer[: min(len(buffer), behind - here)], here)
            if not count:
                raise OSError("The file became shorter while it was sent.")
            self.request.sendall(buffer[:count])
            here += count

    def _refuse(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        body = message.encode()
        kind = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))}
        self._send_head(status, kind | (headers or {}))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in (headers | {"Connection": "close"}).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class names it
        """An address is a secret for some minutes, so none is logged."""


@cache
def root_path(root: str, host: str) -> str:
    """The folder of a storage root of the host, which never changes. AddressRefused, DatabaseError."""
    found = StorageRoot.objects.filter(pk=root, host=host).values_list("path", flat=True).first()
    if found is None:
        raise AddressRefused("The storage root is not one of this host.")
    return str(found)
