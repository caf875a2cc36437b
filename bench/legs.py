"""The steps of a capture, each measured separately, with the functions that the station itself runs.

`python -m bench.legs FOLDER TIMES TOKEN`, with the settings of a running station; prints medians in ms as JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from os import fsync
from pathlib import Path
from typing import Any
from unittest.mock import patch

import django
import uuid6

from bench.figures import WARM_UP, timed
from bench.station import EXPOSURE, SCENE, SLUG
from bench.still import camera as camera_process

COMMITS = 2
"""Commits to the database before the answer: one for the planned row, one for its outcome."""
PAUSE_S = 0.02
"""Before each call. In a loop, a step finds its code and data in the processor's caches; in a capture other processes
run between two of its calls, and it takes half as long again."""
UNUSED_HOST = "no-one-listens-here"


def main(folder: Path, times: int, token: str) -> dict[str, float]:
    django.setup()
    files = FileLegs(folder, times)
    web = WebLegs(times, token)
    found = {**web.legs(), **files.legs(), **RowLegs(times, files.record).legs(), **web.answer_legs()}
    found["queue, task and hand-over"] = max(0.0, web.command_ms - found["send"] - found["link"] - found["reply"])
    found["fsync"] = files.fsync_ms + COMMITS * web.commit_ms
    found["fsyncs"] = files.fsyncs + COMMITS
    return found


class WebLegs:
    """The steps of the web process."""

    def __init__(self, times: int, token: str) -> None:
        from cameras.models import Camera

        self.camera = Camera.objects.get(slug=SLUG)
        self.times, self.token = times, token
        self.command_ms = self.commit_ms = 0.0

    def legs(self) -> dict[str, float]:
        from cameras.commands import control
        from cameras.settings.service import refresh_settings

        found = {
            "sign-in": self.median(self.sign_in),
            "heartbeat and time": self.median(lambda: control.check_reachable(self.camera)),
            "plan row": self.median(self.plan_row),
            "send": self.median(self.send),
            "link": self.link(),
            "reply": self.median(self.reply),
        }
        self.command_ms = self.median(lambda: refresh_settings(self.camera)) - found["heartbeat and time"]
        self.commit_ms = max(0.0, found["plan row"] - self.without_fsync())
        self.fail_planned_rows()
        return found

    def answer_legs(self) -> dict[str, float]:
        from captures.models import Capture

        self.capture = Capture.objects.filter(status=Capture.Status.SAVED, files__isnull=False).latest("started_at")
        self.files = list(self.capture.files.all())
        return {"answer": self.median(self.answer), "HTTP in and out": self.http()}

    def median(self, call: Callable[[], object]) -> float:
        return timed(call, self.times, pause_s=PAUSE_S).median

    def sign_in(self) -> None:
        from rest_framework.request import Request
        from rest_framework.test import APIRequestFactory

        from skycam_project.access.authentication import TokenAuthentication

        headers = {"Authorization": f"Token {self.token}"}
        TokenAuthentication().authenticate(Request(APIRequestFactory().get("/", headers=headers)))

    def plan_row(self) -> None:
        from django.db import transaction

        from captures.models import Capture

        with transaction.atomic():
            Capture(camera=self.camera, asked=EXPOSURE, requested_by="bench", driver="simulated").save(
                force_insert=True
            )

    def without_fsync(self) -> float:
        """The same row on a connection that does not wait for the disk."""
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=OFF")
            found = self.median(self.plan_row)
            cursor.execute("PRAGMA synchronous=FULL")
        return found

    def fail_planned_rows(self) -> None:
        """Give an outcome to every row that the benchmark planned."""
        from captures.models import Capture

        mine = Capture.objects.filter(requested_by="bench", status=Capture.Status.PLANNED)
        mine.update(status=Capture.Status.FAILED, reason="not_started", message="Planned only by the benchmark.")

    def send(self) -> None:
        from cameras.commands import control

        control.push_command(UNUSED_HOST, self._command())

    def _command(self) -> Any:
        from cameras.commands.control import make_command
        from cameras.commands.messages import CAPTURE, CaptureArguments

        arguments = CaptureArguments(id=str(uuid6.uuid7()), planned="", asked=EXPOSURE, requested_by="bench", job="")
        return make_command(CAPTURE, arguments, deadline_ms=1, camera=str(self.camera.id), slug=SLUG)

    def reply(self) -> None:
        """Push an answer to Redis and fetch it again, as the waiting web process does."""
        from cameras.commands import control
        from cameras.commands.control import SentCommand
        from cameras.commands.messages import Answer, CaptureAnswer
        from core.broker import broker

        command = str(uuid6.uuid7())
        control.push_answer(broker.connection(), command, Answer(ok=True, body=CaptureAnswer(record=None)))
        control.wait_for_answer(SentCommand(command, time.monotonic() + 5))

    def link(self) -> float:
        """The time of a command to a camera process and its answer."""
        with camera_process(FOLDER, SCENE) as process:
            process.wait_for_type("observed", observed="ready")
            return self.median(lambda: process.wait_for_type("answer", command_id=process.send("read")))

    def answer(self) -> None:
        """Build the answer from the record, without reading the row."""
        from captures.capturing.answers import CaptureBody
        from core.resources.resource import body_of

        self.capture.shown_files, self.capture.shown_references = self.files, []
        json.dumps(body_of(CaptureBody, self.capture))

    def http(self) -> float:
        """The time of a request that is answered from the camera's row, without looking up the token."""
        from bench.station import Client

        client = Client(int(os.environ["WEB_PORT"]), self.token)
        whole = self.median(lambda: client.get(f"/api/v1/cameras/{SLUG}/capabilities/"))
        return whole - self.median(self.sign_in)


class FileLegs:
    """The steps of the camera process, with a separate spool on the measured disk."""

    def __init__(self, folder: Path, times: int) -> None:
        from cameras.drivers.simulated.driver import SimulatedDriver
        from cameras.runtime.clock import CameraClock
        from cameras.spool.durable import RootFiles
        from cameras.spool.spool import Spool, open_spool_folder

        self.times = times
        self.files = RootFiles(tempfile.mkdtemp(prefix="legs-", dir=folder))
        camera = str(uuid6.uuid7())
        self.files.hold_folder_open(open_spool_folder(self.files, camera))
        self.spool = Spool(self.files, camera)
        self.driver = SimulatedDriver("", CameraClock())
        self.driver.open(time.monotonic() + 5)
        self.driver.apply({**EXPOSURE, **SCENE}, time.monotonic() + 5)
        self.record: Any = {}
        self.fsync_ms = self.fsyncs = 0.0
        self._spent = 0.0
        self._count = 0

    def legs(self) -> dict[str, float]:
        from captures.stills.formats import encode_jpeg

        frame = self.expose().frame
        picture = encode_jpeg(frame.image).tobytes()
        found = {
            "exposure": timed(self.expose, self.times, pause_s=PAUSE_S).median,
            "encode": timed(lambda: encode_jpeg(frame.image), self.times, pause_s=PAUSE_S).median,
            "SHA-256": timed(lambda: hashlib.sha256(picture).hexdigest(), self.times, pause_s=PAUSE_S).median,
        }
        return found | self.spooled(picture, found["SHA-256"])

    def expose(self) -> Any:
        from cameras.drivers.base import ExposureRequest

        return self.driver.expose(ExposureRequest(**EXPOSURE), time.monotonic() + 5)

    def spooled(self, picture: bytes, sha_ms: float) -> dict[str, float]:
        """Medians of plan, file, record, place and done of a capture, and the part of it that was fsync."""
        spent: dict[str, list[float]] = {name: [] for name in ("plan", "file", "record", "place", "done", "fsync")}
        for _ in range(self.times):
            time.sleep(PAUSE_S)
            for name, ms in self.capture_once(picture).items():
                spent[name].append(ms)
        self.fsyncs = self._count / self.times
        found = {name: sorted(ms)[len(ms) // 2] for name, ms in spent.items()}
        self.fsync_ms = found.pop("fsync")
        found["file"] -= sha_ms
        return found

    def capture_once(self, picture: bytes) -> dict[str, float]:
        steps, self._spent = Steps(), 0.0
        with patch("os.fsync", self.timed_fsync):
            self.run_steps(steps, str(uuid6.uuid7()), picture)
        return {**steps.ms, "fsync": self._spent}

    def run_steps(self, steps: Steps, capture: str, picture: bytes) -> None:
        path = f"captures/{SLUG}/2026/01/01/raw/{capture}"
        self.files.make_folders(path.rpartition("/")[0])
        steps.measure("plan", lambda: self.spool.plan(plan(capture, path)))
        part = steps.measure("file", lambda: self.spool.write_part(capture, "jpeg", ".jpg", [picture]))
        self.record = record(capture, path, part)
        steps.measure("record", lambda: self.spool.commit(self.record))
        steps.measure("place", lambda: self.spool.place(self.record))
        steps.measure("done", lambda: self.spool.done(self.record))

    def timed_fsync(self, file: int) -> None:
        """Call fsync and add its time to the sum."""
        began = time.perf_counter()
        fsync(file)
        self._spent += (time.perf_counter() - began) * 1000
        self._count += 1


class Steps:
    """The time of each step of one capture, in ms."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    def measure(self, name: str, step: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = step()
        self.ms[name] = (time.perf_counter() - began) * 1000
        return result


class RowLegs:
    """The steps of the Supervisor: records become rows of the real camera and storage root."""

    def __init__(self, times: int, pattern: Any) -> None:
        from cameras.models import Camera
        from captures.models import StorageAssignment

        self.times, self.pattern = times, pattern
        self.camera = str(Camera.objects.get(slug=SLUG).id)
        self.root = str(StorageAssignment.objects.get(storage_class="captures").root_id)

    def legs(self) -> dict[str, float]:
        from cameras.supervision.ingest import ingest_records

        planned = iter([self.planned() for _ in range(self.times + WARM_UP)])
        return {"ingest": timed(lambda: ingest_records([next(planned)]), self.times, pause_s=PAUSE_S).median}

    def planned(self) -> Any:
        """The record of a capture whose row is planned."""
        from captures.models import Capture

        row = Capture.objects.create(camera_id=self.camera, asked=EXPOSURE, requested_by="bench", driver="simulated")
        files = [{**file, "path": f"bench/{row.id}.jpg"} for file in self.pattern["files"]]
        return self.pattern | {"id": str(row.id), "camera": self.camera, "root": self.root, "files": files}


def plan(capture: str, path: str) -> Any:
    return {
        "id": capture, "camera": capture, "slug": SLUG, "session": None, "index": None, "planned": MOMENT, "boot": "",
        "boot_s": 0.0, "deadline_s": 6.0, "path": path, "asked": EXPOSURE, "requested_by": "bench", "job": "",
    }  # fmt: skip


def record(capture: str, path: str, part: Any) -> Any:
    body: dict[str, Any] = {
        "session": None, "index": None, "outcome": "saved", "reason": "", "message": "", "asked": EXPOSURE,
        "planned": MOMENT, "started": MOMENT, "ended": MOMENT, "requested_by": "bench", "job": "", "exposure_us": 1000,
        "simulated": True, "driver": "simulated", "warnings": [],
    }  # fmt: skip
    file = {
        "kind": "jpeg", "bytes": part.bytes, "sha256": part.sha256, "part": f"{capture}.jpeg.part",
        "path": f"{path}.jpg", "width": 1280, "height": 1024,
    }  # fmt: skip
    return {
        "kind": "capture",
        "id": capture,
        "camera": capture,
        "slug": SLUG,
        "root": "",
        "files": [file],
        "body": body,
    }


MOMENT = "2026-01-01T00:00:00.000Z"

if __name__ == "__main__":
    FOLDER = Path(sys.argv[1])
    print(json.dumps(main(FOLDER, int(sys.argv[2]), sys.argv[3])))
