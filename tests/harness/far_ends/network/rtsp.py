"""A small RTSP server: H.264 over RTP, interleaved in the one TCP connection (RFC 2326, RFC 6184)."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import struct
import threading
from collections.abc import Iterator

from tests.harness.far_ends.network.digest import Login
from tests.harness.far_ends.network.server import Server
from tests.harness.far_ends.network.video import GROUP, CodedPicture, coded, units
from tests.harness.waiting import PATIENCE_S

CLOCK_HZ = 90_000
MOST_BYTES = 1200
FIRST_TIME = 0x87654321
"""A camera's time stamps begin anywhere (RFC 3550, 5.1)."""
REALM, NONCE = "camera", "0123456789abcdef"
DIGEST = f'Digest realm="{REALM}", nonce="{NONCE}"'
BASIC = f'Basic realm="{REALM}"'
PICTURES = GROUP * 10
FRAGMENT = 28


class RtspServer(Server):
    """`login` is `user:password`; with it every request needs one, as `scheme_of_login` and `algorithm` say. It offers
    `challenges`, each in a line, in which NONCE stands for `nonce`.

    Moods: good, mute (accepts and says nothing), stall (sends no more), stall inside (stops within a picture),
    end (closes), end inside, rubbish (sends noise in place of pictures), no video (describes none).
    `pictures` are PICTURES many, and may be changed. `redirects` maps a method to the address in its answer; a
    REDIRECT entry is sent without a request once it plays.
    """

    scheme, path = "rtsp", "/live"

    def __init__(
        self, fps: int = 40, mood: str = "good", *, login: str = "", scheme_of_login: str = "Digest",
        pictures: list[CodedPicture] | None = None, redirects: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(fps, mood)
        self.login, self.scheme_of_login, self.algorithm, self.nonce = login, scheme_of_login, "MD5", NONCE
        self.challenges = [BASIC if scheme_of_login == "Basic" else DIGEST]
        self.session = "1"
        self.pictures = pictures or coded(PICTURES, fps)
        self.requests: list[str] = []
        self.redirects = redirects or {}

    def serve(self, client: socket.socket) -> None:
        writing, playing = threading.Lock(), threading.Event()
        threading.Thread(target=self._play, args=(client, writing, playing), daemon=True).start()
        try:
            for request in requests(client):
                self.requests.append(request)
                with writing:
                    client.sendall(self._answer(request).encode())
                if request.startswith("PLAY"):
                    playing.set()
        finally:
            self._sockets.remove(client)

    def _answer(self, request: str) -> str:
        method, number = request.split(maxsplit=1)[0], header(request, "CSeq")
        if self.login and not self._knows(request):
            lines = "".join(f"WWW-Authenticate: {line}\r\n" for line in self.challenges).replace(NONCE, self.nonce)
            return f"RTSP/1.0 401 Unauthorized\r\nCSeq: {number}\r\n{lines}\r\n"
        if method in self.redirects:
            return f"RTSP/1.0 302 Found\r\nCSeq: {number}\r\nLocation: {self.redirects[method]}\r\n\r\n"
        headers, body = {"CSeq": number, "Session": self.session}, ""
        if method == "OPTIONS":
            headers["Public"] = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"
        elif method == "DESCRIBE":
            body = self._description()
            headers |= {"Content-Type": "application/sdp", "Content-Base": f"{self.address}/"}
        elif method == "SETUP":
            headers["Transport"] = "RTP/AVP/TCP;unicast;interleaved=0-1"
        lines = [f"{name}: {value}" for name, value in {**headers, "Content-Length": str(len(body))}.items()]
        return "\r\n".join(["RTSP/1.0 200 OK", *lines, "", body])

    def _knows(self, request: str) -> bool:
        given = header(request, "Authorization")
        if self.scheme_of_login == "Basic":
            return given == "Basic " + base64.b64encode(self.login.encode()).decode()
        method, uri, _ = request.split(maxsplit=2)
        return Login(self.login, REALM, self.nonce, self.algorithm).is_answered_by(given, method, uri)

    def _description(self) -> str:
        if self.mood == "no video":
            return "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n"
        parameters = ",".join(
            base64.b64encode(unit).decode() for unit in units(self.pictures[0].data) if unit[0] & 31 in {7, 8}
        )
        return (
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=Camera\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 0.0.0.0\r\n"
            f"a=rtpmap:96 H264/{CLOCK_HZ}\r\na=control:track0\r\n"
            f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={parameters}\r\n"
        )

    def _play(self, client: socket.socket, writing: threading.Lock, playing: threading.Event) -> None:
        if not playing.wait(PATIENCE_S):
            return
        rtp = Rtp()
        if "REDIRECT" in self.redirects:
            head = f"REDIRECT {self.address} RTSP/1.0\r\nCSeq: 1\r\nLocation: {self.redirects['REDIRECT']}\r\n\r\n"
            client.sendall(head.encode())
        with contextlib.suppress(OSError):
            for number in self.numbers(PICTURES):
                if self.mood == "end":
                    client.shutdown(socket.SHUT_RDWR)
                    return
                one = self.pictures[number]
                packets = rtp.packets(one.data, FIRST_TIME + one.shown * CLOCK_HZ // self.fps)
                if self.mood == "rubbish":
                    packets = [packet[:16] + bytes(255 - byte for byte in packet[16:]) for packet in packets]
                if self.mood.endswith("inside"):
                    self.mood, packets = self.mood.removesuffix(" inside"), [packets[0][: len(packets[0]) // 2]]
                with writing:
                    client.sendall(b"".join(packets))


class Rtp:
    """Packs pictures into RTP packets, each framed for the RTSP connection."""

    def __init__(self) -> None:
        self._sequence = 0

    def packets(self, picture: bytes, time: int) -> list[bytes]:
        payloads = [payload for unit in units(picture) for payload in payloads_of(unit)]
        return [self._packet(payload, time, last=payload is payloads[-1]) for payload in payloads]

    def _packet(self, payload: bytes, time: int, *, last: bool) -> bytes:
        self._sequence = (self._sequence + 1) & 0xFFFF
        head = struct.pack("!BBHII", 0x80, 96 | last << 7, self._sequence, time & 0xFFFFFFFF, 1)
        return struct.pack("!cBH", b"$", 0, len(head) + len(payload)) + head + payload


def payloads_of(unit: bytes) -> list[bytes]:
    """The unit whole, or in fragments (FU-A)."""
    if len(unit) <= MOST_BYTES:
        return [unit]
    indicator, kind, rest = unit[0] & 0xE0 | FRAGMENT, unit[0] & 0x1F, unit[1:]
    parts = [rest[start : start + MOST_BYTES] for start in range(0, len(rest), MOST_BYTES)]
    marks = [0x80 if part is parts[0] else 0x40 if part is parts[-1] else 0 for part in parts]
    return [bytes([indicator, kind | mark]) + part for part, mark in zip(parts, marks, strict=True)]


def requests(client: socket.socket) -> Iterator[str]:
    """The requests of the client, without its RTCP packets in between."""
    file = client.makefile("rb")
    while first := file.read(1):
        if first == b"$":
            file.read(int.from_bytes(file.read(3)[1:]))
            continue
        lines = [first + file.readline()]
        while (line := file.readline()).strip():
            lines.append(line)
        yield b"".join(lines).decode(errors="replace")


def header(request: str, name: str) -> str:
    found = re.search(rf"(?im)^{name}: *(.*?)\r?$", request)
    return found[1] if found else ""
