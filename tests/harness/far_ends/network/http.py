"""Small HTTP servers: pictures one after the other in one endless response (MJPEG), and a transport stream."""

from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable

from tests.harness.far_ends.network.rtsp import header
from tests.harness.far_ends.network.server import Server
from tests.harness.far_ends.network.video import huge_jpeg, jpeg, renamed, transport_stream

PICTURES = 200
HEAD = "HTTP/1.1 {}\r\nConnection: close\r\n{}\r\n"


class HttpServer(Server):
    """`status` and `headers` answer each request, until `login` (`user:password`) is satisfied with a 401.

    Moods: good, mute, stall, stall inside, end, rubbish, as the RTSP server's, and end inside.
    """

    scheme, path = "http", "/video"
    content_type = ""

    def __init__(self, fps: int = 40, mood: str = "good", *, login: str = "", status: str = "200 OK") -> None:
        super().__init__(fps, mood)
        self.login, self.status = login, status
        self.challenges = ['Basic realm="camera"']
        self.requests: list[str] = []

    def serve(self, client: socket.socket) -> None:
        request = head_of(client)
        self.requests.append(request)
        if not self.lets_in(request):
            self.refuse(client)
            return
        self.answer(client)

    def answer(self, client: socket.socket) -> None:
        client.sendall(HEAD.format(self.status, f"Content-Type: {self.content_type}\r\n").encode())
        self.send(client)

    def refuse(self, client: socket.socket) -> None:
        challenges = "".join(f"WWW-Authenticate: {challenge}\r\n" for challenge in self.challenges)
        client.sendall(HEAD.format("401 Unauthorized", challenges).encode())

    def lets_in(self, request: str) -> bool:
        known = "Basic " + base64.b64encode(self.login.encode()).decode()
        return not self.login or header(request, "Authorization") == known

    def send(self, client: socket.socket) -> None:
        for number in self.numbers(PICTURES):
            if self.mood == "end":
                return
            piece = self.piece(number)
            if self.mood == "rubbish":
                piece = bytes(255 - byte for byte in piece)
            if self.mood.endswith("inside"):
                self.mood = self.mood.removesuffix(" inside")
                piece = piece[: len(piece) // 2]
            client.sendall(piece)

    def piece(self, number: int) -> bytes:
        raise NotImplementedError


class MjpegServer(HttpServer):
    """Each picture comes with its Content-Length, as from most cameras."""

    content_type = "multipart/x-mixed-replace; boundary=frame"
    measured = True

    def piece(self, number: int) -> bytes:
        data = jpeg(number)
        length = f"Content-Length: {len(data)}\r\n" if self.measured else ""
        return f"--frame\r\nContent-Type: image/jpeg\r\n{length}\r\n".encode() + data + b"\r\n"


class HugeServer(MjpegServer):
    """Pictures of one colour that are small when sent and 1 GB when decoded."""

    def piece(self, number: int) -> bytes:
        data = huge_jpeg()
        return f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data + b"\r\n"


class UnmeasuredServer(MjpegServer):
    """Pictures without Content-Length: only the boundary ends a picture."""

    measured = False


def part(head: str, jpeg: bytes, end: str = "\r\n") -> bytes:
    return f"--frame\r\n{head}\r\n\r\n".encode() + jpeg + end.encode()


PARTS: dict[str, Callable[[bytes], bytes]] = {
    "no boundary": lambda jpeg: b"Content-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n",
    "a boundary without dashes": lambda jpeg: b"frame\r\nContent-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n",
    "a type with a charset": lambda jpeg: part("Content-Type: image/jpeg; charset=UTF-8", jpeg),
    "a type with a size": lambda jpeg: part(f"Content-Type: image/jpeg;size={len(jpeg)}", jpeg),
    "another type": lambda jpeg: part("Content-Type: text/plain", jpeg),
    "a length too short": lambda jpeg: part(f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg) - 40}", jpeg),
    "a length too long": lambda jpeg: part(f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg) + 400}", jpeg),
    "a length of nothing": lambda jpeg: part("Content-Type: image/jpeg\r\nContent-Length: 0", jpeg),
    "no blank line before the boundary": lambda jpeg: part("Content-Type: image/jpeg", jpeg, end=""),
    "lines that end with LF": lambda jpeg: b"--frame\nContent-Type: image/jpeg\n\n" + jpeg + b"\n",
    "bytes behind the picture": lambda jpeg: part("Content-Type: image/jpeg", jpeg + bytes(4000)),
    "nothing but pictures": lambda jpeg: jpeg,
}
"""Parts of a multipart stream as cameras send them."""


class OddPartsServer(MjpegServer):
    """It sends `preamble`, and then parts of the form `form`."""

    def __init__(self, form: str, preamble: bytes = b"", content_type: str = MjpegServer.content_type) -> None:
        super().__init__()
        self.form, self.preamble, self.content_type = PARTS[form], preamble, content_type

    def send(self, client: socket.socket) -> None:
        client.sendall(self.preamble)
        super().send(client)

    def piece(self, number: int) -> bytes:
        return self.form(jpeg(number))


class SnapshotServer(HttpServer):
    """One picture for each GET, the next one each time. `failures` are the statuses of the next answers.

    Moods: good, stall (half a picture, and no more), cut (half a picture).
    """

    path = "/snapshot.jpg"
    content_type = "image/jpeg"

    def __init__(self, *, login: str = "", content_type: str = content_type, with_length: bool = True) -> None:
        super().__init__(login=login)
        self.content_type, self.with_length = content_type, with_length
        self.failures: list[str] = []
        self._count, self._counting = 0, threading.Lock()

    def answer(self, client: socket.socket) -> None:
        with self._counting:
            number, self._count = self._count, self._count + 1
            failure = self.failures.pop(0) if self.failures else ""
        if failure:
            client.sendall(HEAD.format(failure, "").encode())
            return
        data, self.sent[number] = jpeg(number % PICTURES), time.monotonic()
        length = f"Content-Length: {len(data)}\r\n" if self.with_length else ""
        head = HEAD.format("200 OK", f"Content-Type: {self.content_type}\r\n{length}")
        client.sendall(head.encode() + data[: len(data) if self.mood == "good" else len(data) // 2])
        if self.mood == "stall":
            self._closing.wait()


class TransportStreamServer(HttpServer):
    """MPEG-TS over HTTP."""

    content_type = "video/mp2t"
    codec, noise = "libx264", 0

    def __init__(self, fps: int = 40, mood: str = "good", *, login: str = "", status: str = "200 OK") -> None:
        super().__init__(fps, mood, login=login, status=status)
        # Before anyone connects: on a busy machine the encoder takes longer than a client waits for the first byte.
        self.pieces = transport_stream(PICTURES, fps, self.codec, self.noise)

    def piece(self, number: int) -> bytes:
        return self.pieces[number]


class HevcServer(TransportStreamServer):
    """H.265."""

    codec = "libx265"


class NoisyHevcServer(HevcServer):
    """H.265 whose pictures are cut off in the middle of their data, not between two packets of MPEG-TS."""

    noise = 8


class UnknownVideoServer(TransportStreamServer):
    """The stream calls itself AVS3 (0xD4), which FFmpeg knows and cannot decode."""

    def piece(self, number: int) -> bytes:
        return renamed(super().piece(number), 0xD4)


class BareStreamServer(TransportStreamServer):
    """MPEG-TS over TCP, for every client."""

    scheme, path = "tcp", ""

    def serve(self, client: socket.socket) -> None:
        self.send(client)


class PlaylistServer(HttpServer):
    """A playlist that names a file on the client's machine."""

    content_type = "application/vnd.apple.mpegurl"

    def piece(self, number: int) -> bytes:
        head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0,\n"
        return f"{head}file:///etc/passwd\n#EXT-X-ENDLIST\n".encode()


def head_of(client: socket.socket) -> str:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = client.recv(4096)
        if not piece:
            raise ConnectionResetError
        received += piece
    return received.decode()
