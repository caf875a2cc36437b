"""A server on loopback that speaks INDI as a test wants, or sends what is no INDI."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Self

REQUEST = re.compile(r'<getProperties version="1\.7"(?: device="(?P<device>[^"]*)")?(?: name="(?P<name>[^"]*)")?/>')
COMMAND = re.compile(r'<new\w+Vector device="(?P<device>[^"]*)" name="(?P<name>[^"]*)">')


def defined(device: str, name: str, state: str = "Ok", **elements: str) -> str:
    """The definition of a property."""
    inner = "".join(f'<defText name="{element}">{value}</defText>' for element, value in elements.items())
    return f'<defTextVector device="{device}" name="{name}" state="{state}">{inner}</defTextVector>'


class ScriptedIndi(ThreadingTCPServer):
    """`properties` are the definitions by device and name, sent when they are requested. `reactions` are sent after a
    command for a property of this name. With `stream`, each connection gets its bytes instead, for as long as it is
    open. `requests` are all lines that arrived."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, stream: Callable[[], Iterator[bytes]] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.stream = stream
        self.properties: dict[tuple[str, str], str] = {}
        self.reactions: dict[str, str] = {}
        self.requests: list[str] = []
        self.pause_s = 0.0
        """After each definition."""
        self.connections: list[Connection] = []
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def define(self, device: str, name: str, state: str = "Ok", **elements: str) -> None:
        self.properties[device, name] = defined(device, name, state, **elements)

    def push(self, text: str) -> None:
        """Send to the newest connection what no one has requested."""
        self.connections[-1].request.sendall(text.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class Connection(StreamRequestHandler):
    server: ScriptedIndi

    def handle(self) -> None:
        self.server.connections.append(self)
        with suppress(OSError):
            if self.server.stream is None:
                self._answer()
            else:
                self._send(self.server.stream())

    def _answer(self) -> None:
        for line in self.rfile:
            text = line.decode()
            self.server.requests.append(text.strip())
            if request := REQUEST.search(text):
                self._define(request["device"], request["name"])
            elif command := COMMAND.search(text):
                self.request.sendall(self.server.reactions.get(command["name"], "").encode())

    def _define(self, device: str | None, name: str | None) -> None:
        wanted = [
            text
            for (owner, own_name), text in self.server.properties.items()
            if device in {None, owner} and name in {None, own_name}
        ]
        for text in wanted:
            self.request.sendall(text.encode())
            self.server.ended.wait(self.server.pause_s)

    def _send(self, pieces: Iterator[bytes]) -> None:
        for piece in itertools.takewhile(lambda _: not self.server.ended.is_set(), pieces):
            self.request.sendall(piece)


def slowly(piece: bytes, every_s: float, ended: threading.Event) -> Iterator[bytes]:
    """The bytes of `piece` one by one, again and again."""
    for byte in itertools.cycle(piece):
        ended.wait(every_s)
        yield bytes([byte])
