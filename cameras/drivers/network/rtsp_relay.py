"""Signs in to an RTSP camera where FFmpeg cannot.

FFmpeg 8.1 reads one challenge in each line, prefers the last line with a Digest, and has no SHA-256. Of `Basic ...,
Digest ...` in one line it would take Basic, and send the password in clear text. For such a camera FFmpeg connects to a
relay in this process, which signs its requests and passes on everything else.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import re
import secrets
import selectors
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from cameras.drivers.network.addresses import UNVERIFIED
from cameras.drivers.network.http_client import (
    UNAUTHORIZED,
    HttpCredentials,
    SignIn,
    TimedReader,
    UnsupportedSignIn,
    as_sent,
    parse_challenges,
    strongest_challenge,
    tls_context,
)
from core.outgoing import Endpoint, connect_endpoint
from core.outgoing_request import left_s

ALGORITHMS_OF_FFMPEG = {"MD5", "MD5-sess"}
HEADERS = "CSeq: 1\r\nUser-Agent: Skycam\r\nAccept: application/sdp\r\n"
PIECE_BYTES = 65_536
MOST_HEAD_BYTES = 65_536
MOST_BODY_BYTES = 1_000_000
"""Of one message. A description has some kB."""
MOST_WAITING = 16
"""Requests whose answers have not arrived."""
INTERLEAVED = b"$"
"""The first byte of a packet of media or of RTCP between the messages."""
HEAD_OF_PACKET = 4
END_OF_HEAD = b"\r\n\r\n"
LENGTH = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*(\d{1,9})[ \t]*\r?$")
CSEQ = re.compile(rb"(?im)^cseq[ \t]*:[ \t]*(\d{1,9})[ \t]*\r?$")
CHALLENGE = re.compile(rb"(?im)^www-authenticate[ \t]*:[ \t]*(.*?)\r?$")
STATUS = re.compile(rb"RTSP/\d\.\d (\d{3})")


class NotRtsp(OSError):
    """What the camera, or the client of the relay, sends is no RTSP."""


def challenges_of(address: str, endpoint: Endpoint, until: float) -> list[str] | None:
    """The challenges in the answer to a request without a name and a password; None if it needs neither, and if that is
    not answered: FFmpeg has to find out. OSError."""
    with contextlib.suppress(NotRtsp, ConnectionResetError, BrokenPipeError):
        return _ask_challenges(address, endpoint, until)
    return None


def _ask_challenges(address: str, endpoint: Endpoint, until: float) -> list[str] | None:
    with connect_camera(address, endpoint, until) as camera:
        camera.settimeout(left_s(until))
        camera.sendall(f"DESCRIBE {url_of(address)} RTSP/1.0\r\n{HEADERS}\r\n".encode())
        answer = io.BufferedReader(TimedReader(camera, until, left_s(until)))
        status = STATUS.match(answer.readline(MOST_HEAD_BYTES))
        if status is None:
            raise NotRtsp
        if int(status[1]) != UNAUTHORIZED:
            return None
        try:
            return http.client.parse_headers(answer).get_all("WWW-Authenticate") or []
        except http.client.HTTPException:
            raise NotRtsp from None


def ffmpeg_signs_in(challenges: list[str]) -> bool:
    """Whether FFmpeg takes the strongest of them itself. UnsupportedSignIn."""
    strongest = strongest_challenge(challenges)
    lines = [as_sent(line) for line in challenges]
    if strongest.scheme == "basic":
        return any(line.lower().startswith("basic ") for line in lines)
    last = next((line for line in reversed(lines) if line.lower().startswith("digest ")), "")
    algorithm = strongest.algorithm
    return (
        list(parse_challenges(last)) == [strongest]
        and algorithm is not None
        and algorithm.name in ALGORITHMS_OF_FFMPEG
        and strongest.quality in {None, "auth"}
    )


def connect_camera(address: str, endpoint: Endpoint, until: float) -> socket.socket:
    connection = connect_endpoint(endpoint, left_s(until))
    parts = urlsplit(address)
    if parts.scheme != "rtsps":
        return connection
    try:
        connection.settimeout(left_s(until))
        verified = not address.endswith(f"#{UNVERIFIED}")
        return tls_context(verified=verified).wrap_socket(connection, server_hostname=parts.hostname)
    except BaseException:
        connection.close()
        raise


def url_of(address: str) -> str:
    """The address without the name and the password."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()


@dataclass(slots=True)
class Request:
    method: str
    uri: str
    rest: bytes
    """What follows the request line, with the body."""
    is_repeated: bool = False


class RtspRelay:
    """Connected from its construction on; `close` ends it. One client is let in: the one that knows `address`."""

    def __init__(self, address: str, endpoint: Endpoint, challenges: list[str], until: float) -> None:
        """OSError, UnsupportedSignIn."""
        credentials = HttpCredentials.of(urlsplit(address))
        assert credentials is not None
        self._credentials, self._url = credentials, url_of(address)
        self._sign_in = SignIn(credentials, challenges)
        self._waiting: dict[int, Request] = {}
        self._until = until
        self._camera = connect_camera(address, endpoint, until)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._client: socket.socket | None = None
        self.address = f"rtsp://127.0.0.1:{self._listening.getsockname()[1]}/{secrets.token_urlsafe(16)}"
        self._thread = threading.Thread(target=self._run, name="network-camera-relay", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Idempotent, from any thread. The thread closes its connections itself: it may be reading from them."""
        for one in (self._camera, self._client, self._listening):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        with contextlib.closing(self._camera), contextlib.suppress(OSError, UnsupportedSignIn):
            with self._listening:
                self._listening.settimeout(max(0.001, self._until - time.monotonic()))
                self._client, _ = self._listening.accept()
            with self._client as client:
                self._camera.setblocking(True)
                self._pass_on(client)

    def _pass_on(self, client: socket.socket) -> None:
        from_client, from_camera = MessageBuffer(), MessageBuffer()
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ)
            selector.register(self._camera, selectors.EVENT_READ)
            has_more = False
            while True:
                # What TLS has decrypted already does not show in the selector.
                ready = {key.fileobj for key, _ in selector.select(0 if has_more else None)}
                if client in ready:
                    for message in from_client.feed(client.recv(PIECE_BYTES)):
                        self._send(message)
                has_more = (has_more or self._camera in ready) and self._read_camera(client, from_camera)

    def _read_camera(self, client: socket.socket, buffer: MessageBuffer) -> bool:
        """Whether there may be more to read."""
        piece = self._received()
        if piece is None:
            return False
        messages = buffer.feed(piece)
        client.sendall(b"".join(message for message in messages if not self._repeat_refused(message)))
        return True

    def _received(self) -> bytes | None:
        """None while there is nothing from the camera."""
        # A part of TLS itself shows in the selector too, and brings nothing.
        self._camera.setblocking(False)
        try:
            return self._camera.recv(PIECE_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        finally:
            self._camera.setblocking(True)

    def _send(self, message: bytes) -> None:
        """A message of the client, to the camera."""
        if message.startswith(INTERLEAVED):
            self._camera.sendall(message)
            return
        line, _, rest = message.partition(b"\r\n")
        method, _, uri = line.decode(errors="replace").removesuffix(" RTSP/1.0").partition(" ")
        if not self._waiting and not uri.startswith(self.address):
            raise NotRtsp
        request = Request(method, uri.replace(self.address, self._url, 1), rest)
        self._waiting[number_of(message)] = request
        for oldest in list(self._waiting)[:-MOST_WAITING]:
            del self._waiting[oldest]
        self._sign_and_send(request)

    def _sign_and_send(self, request: Request) -> None:
        authorization = self._sign_in.authorization(request.method, request.uri)
        line = f"{request.method} {request.uri} RTSP/1.0\r\nAuthorization: {authorization}\r\n"
        self._camera.sendall(line.encode() + request.rest)

    def _repeat_refused(self, message: bytes) -> bool:
        """Repeat a request once that was refused with a new challenge: a nonce is not valid for ever. Whether it
        did."""
        status = STATUS.match(message)
        if status is None or int(status[1]) != UNAUTHORIZED:
            return False
        request = self._waiting.get(number_of(message))
        if request is None or request.is_repeated:
            return False
        head = message.partition(END_OF_HEAD)[0]
        self._sign_in = SignIn(self._credentials, [line.decode("latin-1") for line in CHALLENGE.findall(head)])
        request.is_repeated = True
        self._sign_and_send(request)
        return True


class MessageBuffer:
    """Cuts a stream into messages of RTSP and packets between them."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, piece: bytes) -> list[bytes]:
        """The messages and packets that this piece completes. NotRtsp for one without an end, and at the end of the
        stream."""
        if not piece:
            raise NotRtsp
        self._held += piece
        found: list[bytes] = []
        while (length := self._length()) is not None and length <= len(self._held):
            found.append(bytes(self._held[:length]))
            del self._held[:length]
        return found

    def _length(self) -> int | None:
        """Of the first message; None until it is known."""
        if self._held.startswith(INTERLEAVED):
            if len(self._held) < HEAD_OF_PACKET:
                return None
            return HEAD_OF_PACKET + int.from_bytes(self._held[2:HEAD_OF_PACKET])
        end = self._held.find(END_OF_HEAD, 0, MOST_HEAD_BYTES)
        if end < 0:
            if len(self._held) >= MOST_HEAD_BYTES:
                raise NotRtsp
            return None
        stated = LENGTH.search(self._held, 0, end)
        body = int(stated[1]) if stated else 0
        if body > MOST_BODY_BYTES:
            raise NotRtsp
        return end + len(END_OF_HEAD) + body


def number_of(message: bytes) -> int:
    """Its CSeq; -1 without one."""
    found = CSEQ.search(message.partition(END_OF_HEAD)[0])
    return int(found[1]) if found else -1
