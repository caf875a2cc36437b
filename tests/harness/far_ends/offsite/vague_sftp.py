"""An SFTP server that answers FAILURE for a file that is not there: OpenSSH's own, whose answers are changed.

For sshd, as its subsystem: `python vague_sftp.py COMMAND...`.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import threading
from typing import BinaryIO

STATUS, NO_SUCH_FILE, FAILURE = 101, 2, 4
TEXT = b"Failure"


def pass_requests(requests: BinaryIO, server: BinaryIO) -> None:
    while piece := requests.read1(1 << 16):  # type: ignore[attr-defined]
        server.write(piece)
        server.flush()
    server.close()


def changed(packet: bytes) -> bytes:
    kind, request = packet[0], packet[1:5]
    if kind != STATUS or int.from_bytes(packet[5:9]) != NO_SUCH_FILE:
        return packet
    # Its last part is the language of the text, which is empty.
    return struct.pack(f">B4sII{len(TEXT)}sI", kind, request, FAILURE, len(TEXT), TEXT, 0)


def main(command: list[str]) -> None:
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin
    assert server.stdout
    threading.Thread(target=pass_requests, args=(sys.stdin.buffer, server.stdin), daemon=True).start()
    while length := server.stdout.read(4):
        packet = changed(server.stdout.read(int.from_bytes(length)))
        sys.stdout.buffer.write(len(packet).to_bytes(4) + packet)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
