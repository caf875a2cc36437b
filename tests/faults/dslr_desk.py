"""Two DSLRs on a desk, and a whole station that has them: what page, API and command line say of them."""

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
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.captures.pictures import dng, exposed_jpeg, jpeg
from tests.fakes.gphoto2_port.build import build, plug, put
from tests.faults.station import PASSWORD, FaultStation
from tests.pages.browsing import signed_in
from tests.skycam_project.cli_station import SKYCAM
from tests.skycam_project.stations import eventually

EAST = "usb:001,004 6012345 battery=77 free=32000000000"
WEST = "usb:001,005 6012346 battery=50 free=16000000000"
FILE_MANAGER = "gvfs-gphoto2-volume-monitor"


class Desk:
    def __init__(self, folder: Path) -> None:
        self.folder, self.environment = folder, build(folder)
        put(folder / "pictures" / "scene.jpg", exposed_jpeg())
        put(folder / "preview.jpg", jpeg(640, 424))
        put(folder / "raw.nef", dng(jpeg(640, 424)))
        self.plugged(EAST, WEST)

    def plugged(self, *cameras: str) -> None:
        plug(self.folder, *cameras)

    @contextmanager
    def claimed(self, port: str) -> Iterator[int]:
        """A desktop's file manager takes whatever is plugged in there, and keeps it; its pid."""
        with open(self.folder / f"claim-{port}", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            command = [FILE_MANAGER, "-c", "import sys; sys.stdin.read()"]
            with subprocess.Popen(
                command, executable=sys.executable, stdin=subprocess.PIPE, pass_fds=[lock.fileno()]
            ) as holder:
                lock.close()
                yield holder.pid
                holder.kill()


class DslrStation(FaultStation):
    """`east` and `west`, by their serial numbers."""

    def with_cameras(self) -> DslrStation:
        self.up().sign_in()
        for slug, serial in (("east", "6012345"), ("west", "6012346")):
            assert self.post("cameras/", {"slug": slug, "kind": "gphoto2", "address": serial}).status == 201
        self.cookies = signed_in(f"http://127.0.0.1:{self.port}", PASSWORD)
        for slug in ("east", "west"):
            self.eventually_ready(slug)
        return self

    def page(self, path: str) -> str:
        """What a person reads there."""
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in self.cookies.items())
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"Cookie": cookie})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.read().decode())).split())

    def fetched(self, path: str) -> bytes:
        """A picture of the API's, once it is there."""
        return bytes(eventually(lambda: self._fetch(path), 30, path))

    def _fetch(self, path: str) -> bytes:
        headers = {"Authorization": f"Token {self.token}"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1/{path}", headers=headers)
        with suppress(urllib.error.HTTPError), urllib.request.urlopen(request, timeout=20) as answer:
            return bytes(answer.read())
        return b""

    def status_of_camera(self, slug: str) -> dict[str, Any]:
        return self.get(f"cameras/{slug}/status/")

    def eventually_says_of(self, slug: str, sentence: str) -> str:
        """Its reason, once that has these words."""
        eventually(lambda: sentence in self.status_of_camera(slug)["reason"], 30, f"{slug}: {sentence}")
        return str(self.status_of_camera(slug)["reason"])

    def says_on_the_command_line(self, slug: str) -> dict[str, Any]:
        """Its part of `skycam status --output json`."""
        told = json.loads(self.skycam("--output", "json", "status"))
        return next(one for one in told["cameras"] if one["camera"] == slug)

    def says_in_words(self) -> str:
        """`skycam status`, as a person sees it."""
        return self.skycam("status")

    def skycam(self, *words: str) -> str:
        """What a command prints on this station."""
        environment = {**os.environ, **self.environment}
        done = subprocess.run(
            [*SKYCAM, *words], env=environment, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout

    def said_everywhere(self, slug: str, sentence: str) -> dict[str, bool]:
        """Whether status, the camera's page, the command line and the refusal of a capture have these words."""
        told = {
            "status": self.eventually_says_of(slug, sentence),
            "refusal": str(self.capture(slug).body),
            "page": self.page(f"/cameras/{slug}/"),
            "command line": self.says_on_the_command_line(slug)["reason"],
        }
        return {where: sentence in text for where, text in told.items()}
