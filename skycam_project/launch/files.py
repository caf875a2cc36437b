"""The files part: the file server for the other machines, `python -m skycam_project.launch.files FD`."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading

import django


def run_files(fd: int) -> None:
    """Returns after SIGTERM or SIGINT. SystemExit when the certificate cannot be used."""
    from django.conf import settings

    from captures.files.host_files.server import FileServer
    from core.heartbeat import start_heartbeat_thread

    files = settings.STATION.files
    try:
        server = FileServer(socket.socket(fileno=fd), settings.STATION.host, files.certificate, files.certificate_key)
    except OSError as error:
        raise SystemExit(f"files.certificate or files.certificate_key cannot be used: {error}") from None
    for number in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for the loop, which this thread runs.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    start_heartbeat_thread()
    server.serve_forever(poll_interval=0.5)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    django.setup()
    run_files(int(sys.argv[1]))
