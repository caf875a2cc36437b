"""The file server of the camera host `dome`, on loopback, and what a station knows of that host."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cameras.models import CameraHost
from captures.files.host_files.server import FileServer, root_path
from captures.models import CaptureFile, StorageRoot

DOME = "dome"


@contextmanager
def file_server(certificate: Path | None = None) -> Iterator[FileServer]:
    """`certificate`: a file with a key and its certificate, with which it serves over TLS."""
    pair = str(certificate or "")
    server = FileServer(socket.create_server(("127.0.0.1", 0)), DOME, pair, pair)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def give_to_dome(root: StorageRoot, address: str) -> None:
    """The storage root and its captures are those of the host dome, which has announced its file server there."""
    StorageRoot.objects.filter(pk=root.pk).update(host=DOME)
    CaptureFile.objects.filter(root=root).update(host=DOME)
    root.host = DOME
    root_path.cache_clear()
    # Asked for here: another thread does not see the rows of this test.
    assert root_path(str(root.pk), DOME) == root.path
    CameraHost.objects.update_or_create(name=DOME, defaults={"file_server": address})
