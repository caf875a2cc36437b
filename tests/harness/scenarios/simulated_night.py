"""A night of the simulated all-sky camera on a virtual clock: a camera loop with automatic exposure, a gate that closes
for rain and a cable that is pulled; its records, ingested into the test's database."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from cameras.drivers.simulated.driver import SimulatedDriver
from cameras.models import Camera, CameraHost
from cameras.spool.storage import read_marker
from cameras.supervision.ingest import ingest_records
from captures.models import Session, StorageRoot
from captures.thumbnails.rendering import image_from_file, render_thumbnails
from captures.thumbnails.store import ThumbnailStore
from core.events.service import record_event
from core.times.timestamps import stamp
from scheduler.models import PlannedRun
from tests.harness.camera_processes.camera_loop import CAMERA, CameraLoopBench
from tests.harness.clocks.camera_clock import StepClock
from tests.harness.rows.gates import CLOSED, OPEN
from tests.harness.waiting import eventually

SITE = {"latitude": 48.0, "longitude": 11.0, "elevation": 500.0, "time_zone": "Europe/Berlin"}
NIGHT = "2026-11-08"
"""The Moon is new."""
DUSK, DAWN = datetime(2026, 11, 8, 15, 0, tzinfo=UTC), datetime(2026, 11, 9, 7, 30, tzinfo=UTC)
RAIN = (datetime(2026, 11, 8, 20, 40, tzinfo=UTC), datetime(2026, 11, 8, 21, 55, tzinfo=UTC))
UNPLUGGED = (datetime(2026, 11, 9, 1, 10, tzinfo=UTC), datetime(2026, 11, 9, 1, 22, tzinfo=UTC))
CONTROL = {
    "target": 0.35, "measure": "mean", "exposure_us": [20, 30_000_000], "iso": [100, 3200], "f_number": [1.4, 16],
    "order": ["exposure_us", "f_number", "iso"], "damping": 0.3, "hysteresis_ev": 0.25,
}  # fmt: skip
WET = "The gate rain is closed: 3.2 is above 0.5."
GATES = {
    False: OPEN,
    True: CLOSED | {"value": 3.2, "limit": 0.5, "sentence": WET},
}
SESSION = "0193a000-0000-7000-8000-0000000000aa"


class Incidents:
    """What happens at which time; the clock asks before each of its steps."""

    def __init__(self, clock: StepClock, due: list[tuple[datetime, Callable[[], Any]]]) -> None:
        self._clock, self._due = clock, sorted(due, key=lambda one: one[0])

    def settle(self, drain: Callable[[float], bool], patience_s: float) -> bool:
        while self._due and self._due[0][0].timestamp() <= self._clock.wall:
            self._due.pop(0)[1]()
        return drain(patience_s)


def run_night(folder: Path, cadence_s: float = 60.0, size: tuple[int, int] = (400, 300)) -> None:
    """Leave the records of the night, and its pictures, in `folder`: a storage root."""
    clock = StepClock(DUSK.timestamp())
    clock.kernel_says = "synchronised"
    desired = CameraLoopBench.desired_session(
        SESSION, exposure_us=1000, f_number=16.0, iso=100, cadence_s=cadence_s, until=stamp(DAWN), control=CONTROL
    )
    driver = SimulatedDriver("", clock)
    driver.set_site(SITE["latitude"], SITE["longitude"], SITE["elevation"])  # type: ignore[arg-type]
    scene = {"scene": "allsky", "width": size[0], "height": size[1]}
    bench = CameraLoopBench(folder, clock, driver, settings=scene, site=SITE, session=desired)

    def set_gate(closed: bool) -> None:
        bench.receive_command({"type": "gates", "command_id": "", "gates": [GATES[closed]], "life_s": 1e9})

    incidents = Incidents(clock, [
        (RAIN[0], lambda: set_gate(True)),
        (RAIN[1], lambda: set_gate(False)),
        (UNPLUGGED[0], lambda: driver.set_faults({"disconnect": True}, lambda *_: None)),
        (UNPLUGGED[1], lambda: driver.set_faults({}, lambda *_: None)),
    ])  # fmt: skip
    clock.settled = lambda patience_s: incidents.settle(bench.process.stills.drain, patience_s)
    with bench:
        eventually(lambda: clock.wall > DAWN.timestamp() + 120, "the session has ended", takes_s=180)


def ingest_night(folder: Path) -> Camera:
    """The camera `sky` with the rows of the night, its run, events and thumbnails."""
    host = settings.STATION.host
    CameraHost.objects.update_or_create(name=host, defaults={"site": SITE})
    StorageRoot.objects.create(id=read_marker(str(folder)), host=host, path=str(folder))
    camera = Camera.objects.create(id=CAMERA, slug="sky", name="All-sky camera", kind="simulated", host=host)
    records = [json.loads(path.read_text()) for path in sorted((folder / ".spool" / CAMERA).glob("*.done"))]
    programme = {"exposure_us": 1000, "cadence_s": 60.0, "until": stamp(DAWN), "control": CONTROL}
    session = Session.objects.create(
        id=SESSION, camera=camera, name="All night", programme=programme, created_by="ada", created_at=DUSK
    )
    PlannedRun.objects.create(
        id=session.pk, camera=camera, name="All night", programme=programme, night=NIGHT, begins_at=DUSK, ends_at=DAWN,
        windows=[[DUSK.isoformat(), DAWN.isoformat()]],
    )  # fmt: skip
    for record in records:
        ingest_records([record])
    record_event(
        "schedule.changed",
        "ada changed the schedule All night.",
        actor="ada",
        at=DUSK + timedelta(minutes=9),
        camera=None,
    )
    record_event("camera.taken", "ben took sky.", camera=camera, actor="ben", at=UNPLUGGED[0] + timedelta(minutes=4))
    data = {"gate": "rain", "value": 3.2, "limit": 0.5}
    record_event("gate.closed", WET, severity="warning", data=data, at=RAIN[0], camera=None)
    record_event("gate.opened", "The gate rain is open: 0.", data=data, at=RAIN[1], camera=None)
    store_thumbnails(folder, camera)
    return camera


def store_thumbnails(folder: Path, camera: Camera) -> None:
    with ThumbnailStore(str(folder)) as store:
        for capture in camera.captures.filter(status="saved").prefetch_related("files"):
            file = capture.files.all()[0]
            with (folder / file.path).open("rb") as original:
                image = image_from_file(original, file.kind)
            for size, jpeg in render_thumbnails(image, simulated=True):
                store.write_thumbnail(file.sha256, size, jpeg)
