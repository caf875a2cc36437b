"""Two fake DSLRs, and a whole station with them: their state on page, API and command line."""

from __future__ import annotations

import fcntl
import html
import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.harness.browsers.site import signed_in
from tests.harness.far_ends.gphoto2_port.build import build, plug, put
from tests.harness.rows.pictures import dng, exposed_jpeg, jpeg
from tests.harness.stations.command_line import SKYCAM
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import PATIENCE_S, eventually

EAST = "usb:001,004 6012345 battery=77 free=32000000000"
WEST = "usb:001,005 6012346 battery=50 free=16000000000"
FILE_MANAGER = "gvfs-gphoto2-volume-monitor"


class Desk:
    def __init__(self, folder: Path) -> None:
        self.folder, self.environment = folder, build(folder)
        put(folder / "pictures" / "scene.jpg", exposed_jpeg())
        put(folder / "preview.jpg", jpeg(640, 424))
        put(folder / "raw.nef", dng(jpeg(640, 424)))
        self.plug_cameras(EAST, WEST)

    def plug_cameras(self, *cameras: str) -> None:
        plug(self.folder, *cameras)

    @contextmanager
    def claimed(self, port: str) -> Iterator[int]:
        """A desktop's file manager opens any camera plugged in at this port, and keeps it open; yields its pid."""
        with open(self.folder / f"claim-{port}", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            command = [FILE_MANAGER, "-c", "import sys; sys.stdin.read()"]
            with subprocess.Popen(
                command, executable=sys.executable, stdin=subprocess.PIPE, pass_fds=[lock.fileno()]
            ) as holder:
                lock.close()
                yield holder.pid
                holder.kill()


class DslrStation(Station):
    """A station with the cameras `east` and `west`, by their serial numbers."""

    def __init__(self, data: Path, **variables: str) -> None:
        super().__init__(data, **(ANY_NUMBER_OF_KILLS | variables))

    def with_cameras(self) -> DslrStation:
        self.up()
        for slug, serial in (("east", "6012345"), ("west", "6012346")):
            assert self.api.post("cameras/", {"slug": slug, "kind": "gphoto2", "address": serial}).status == 201
        self.cookies = signed_in(f"http://127.0.0.1:{self.port}")
        for slug in ("east", "west"):
            self.cameras.eventually_ready(slug)
        return self

    def page(self, path: str) -> str:
        """The text of a page."""
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in self.cookies.items())
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Cookie": cookie})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.read().decode())).split())

    def fetch_picture(self, path: str) -> bytes:
        """A picture from the API, once it exists."""
        return bytes(eventually(lambda: self._fetch(path), path))

    def _fetch(self, path: str) -> bytes:
        answer = self.api.call("GET", path)
        return bytes(answer.body) if answer.status == 200 else b""

    def status_of_camera(self, slug: str) -> dict[str, Any]:
        return self.api.get(f"cameras/{slug}/status/")

    def wait_for_reason(self, slug: str, sentence: str) -> str:
        """The reason in its status, once it contains this sentence."""

        def found() -> str:
            reason = str(self.status_of_camera(slug)["reason"])
            return reason if sentence in reason else ""

        return str(eventually(found, f"{slug}: {sentence}"))

    def command_line_status(self, slug: str) -> dict[str, Any]:
        """The camera's part of `skycam status --output json`."""
        found = json.loads(self.skycam("--output", "json", "status"))
        return next(status for status in found["cameras"] if status["camera"] == slug)

    def status_text(self) -> str:
        """The text of `skycam status`."""
        return self.skycam("status")

    def skycam(self, *words: str) -> str:
        """The output of a command on this station."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(
            [*SKYCAM, *words], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=True
        )
        return done.stdout

    def reported_everywhere(self, slug: str, sentence: str) -> dict[str, bool]:
        """Whether status, the camera's page, the command line and the refusal of a capture contain this sentence, as
        soon as all of them do."""
        self.wait_for_reason(slug, sentence)

        def found() -> dict[str, bool]:
            texts = {
                "status": self.status_of_camera(slug)["reason"],
                "refusal": str(self.cameras.capture(slug).body),
                "page": self.page(f"/cameras/{slug}/"),
                "command line": self.command_line_status(slug)["reason"],
            }
            return {where: sentence in text for where, text in texts.items()}

        return dict(eventually(lambda: (places := found()) and all(places.values()) and places, found))
