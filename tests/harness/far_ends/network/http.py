"""Small HTTP servers: pictures one after the other in one endless response (MJPEG), and a transport stream."""

from __future__ import annotations

import base64
import socket

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
            challenges = "".join(f"WWW-Authenticate: {challenge}\r\n" for challenge in self.challenges)
            client.sendall(HEAD.format("401 Unauthorized", challenges).encode())
            return
        client.sendall(HEAD.format(self.status, f"Content-Type: {self.content_type}\r\n").encode())
        self.send(client)

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
