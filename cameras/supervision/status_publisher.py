"""The Supervisor's access to the broker, on its own thread: heartbeat, status of each camera, requested live views."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

import psutil
import redis
from django.conf import settings

from cameras.broker import broker
from cameras.leases.lease_holders import holder_fields, who_holds
from cameras.live.load_shedder import LoadShedder
from cameras.live.presets import PRESETS
from cameras.runtime.messages import LastCapture
from cameras.runtime.recording_state import is_recording, observed_recording, shared
from cameras.runtime.settings_drift import still_desired
from cameras.runtime.spec import Recording
from cameras.spool.session_files import iso
from cameras.status import status as statuses
from cameras.status.messages import Status, absent_status
from cameras.status.process_usage import ProcessUsage
from cameras.supervision.broker_users import BrokerUsers

if TYPE_CHECKING:
    from cameras.supervision.camera_slot import CameraSlot
    from cameras.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)
VIEWERS_S = 0.2
PUBLISH_S = 1.0
HEARTBEAT_LIFE_S = 5
NAME_LIFE_S = 7 * 86_400
STATE_FIELDS = ("session", "last_frame", "temperature_celsius", "battery_percent", "card_free_bytes")
IDENTITY_FIELDS = ("vendor", "model", "serial", "firmware")
NOT_RECORDING_BECAUSE = {
    "busy": "It takes a picture.", "starting": "It is being opened.", "disconnected": "It is disconnected.",
    "disabled": "It is disabled.",
}  # fmt: skip
"""Why a camera is not recorded, when its process gives no reason."""
STUCK_S = 5.0
"""When the Supervisor's loop has stood still this long, no heartbeat is sent."""


class StatusPublisher:
    """Only its thread writes the attributes. Any thread may call `publish_status` and `build_status`. `_writing` is
    held from building a status until it is written, so that an older status never replaces a newer one."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self.away_since: float | None = None
        self.load_shedder = LoadShedder(settings.STATION.live_streaming_config.cpu_thresholds, psutil.cpu_percent)
        self.broker_users, self.usage = BrokerUsers(), ProcessUsage()
        self._published_at = 0.0
        self._writing = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="status-publisher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def publish_status(self, slot: CameraSlot) -> None:
        """Publish the status of one camera at once, before the answer about its change is sent."""
        try:
            self._write_status(broker.connection(), slot)
        except broker.UNREACHABLE as error:
            log.warning("The status of %s could not be written: %s", slot.desired.slug, type(error).__name__)

    def _write_status(self, server: redis.Redis, slot: CameraSlot) -> Status:
        with self._writing:
            status = self.build_status(slot)
            statuses.write_status(server, status)
        return status

    def _run(self) -> None:
        while not self._stopping.wait(VIEWERS_S):
            self._run_once(self._publish)
        self._run_once(self._withdraw_host)

    def _run_once(self, work: Any) -> None:
        try:
            work(broker.connection())
            self.away_since = None
        except broker.UNREACHABLE as error:
            if self.away_since is None:
                self.away_since = time.monotonic()
                log.error("The broker does not answer (%s); cameras continue.", type(error).__name__)
        except Exception:
            log.exception("The status publisher failed and goes on.")

    def _publish(self, server: redis.Redis) -> None:
        self._update_viewers(server)
        if time.monotonic() - self._published_at < PUBLISH_S:
            return
        self._published_at = time.monotonic()
        self._check_load()
        alive_at = min(self.supervisor.alive_at, self.supervisor.command_queue.alive_at)
        if time.monotonic() - alive_at < STUCK_S:
            server.set(
                self._heartbeat, json.dumps({"host": self.supervisor.host, "at": iso(time.time())}), ex=HEARTBEAT_LIFE_S
            )
        written = [self._write_status(server, slot) for slot in self._own_slots() if not slot.desired.removed]
        pids = {slot.desired.slug: child.process.pid for slot in self._own_slots() if (child := slot.child)}
        self.usage.write_usage(server, pids)
        statuses.write_known_cameras(server, self.supervisor.host, written)
        server.set(broker.key("name"), self.supervisor.database.station_name, ex=NAME_LIFE_S)
        server.set(broker.key("alerts"), json.dumps(self.supervisor.database.open_alerts), ex=60)

    def _check_load(self) -> None:
        self.load_shedder.thresholds = self.supervisor.database.snapshot.live.cpu_thresholds
        if self.load_shedder.update_level():
            log.warning("Live view: the load is %.0f %%; %s.", self.load_shedder.percent, self.load_shedder.description)

    def _own_slots(self) -> list[CameraSlot]:
        """Without cameras that moved to another host: that host publishes them."""
        return [slot for slot in self.supervisor.slots.values() if not slot.desired.elsewhere]

    @property
    def _heartbeat(self) -> str:
        return broker.key("host", self.supervisor.host)

    def _withdraw_host(self, server: redis.Redis) -> None:
        """Remove heartbeat and status, so that a stopped host is seen at once."""
        slugs = [slot.desired.slug for slot in self._own_slots()]
        server.delete(self._heartbeat, *(broker.key("status", slug) for slug in slugs))
        self.broker_users.delete_users(server)

    def _update_viewers(self, server: redis.Redis) -> None:
        names = [
            (slot.desired.slug, quality) for slot in self.supervisor.slots.values() if slot.child for quality in PRESETS
        ]
        if not names:
            return
        found = server.mget([broker.key("want", *name) for name in names])
        wanted: dict[str, tuple[str, ...]] = {}
        for (slug, quality), value in zip(names, found, strict=True):
            if value is not None:
                wanted[slug] = (*wanted.get(slug, ()), quality)
        self.supervisor.update_live_view(wanted, self.load_shedder.level, self.broker_users.urls(server, wanted))

    @property
    def lowered(self) -> str:
        """Why live pictures are reduced; empty when they are not."""
        if not self.load_shedder.level:
            return ""
        load = f"{self.load_shedder.percent:.0f} % of its processors"
        return f"The camera host is busy ({load}): {self.load_shedder.description}."

    def build_status(self, slot: CameraSlot) -> Status:
        desired, state, identity = slot.desired, slot.state, slot.identity
        observed, reason = slot.observed
        found: dict[str, Any] = {**absent_status(desired.slug, desired.connection, reason)}
        found |= {"observed": observed, "since": iso(slot.since), "fps": state.get("fps", 0.0), "faults": slot.faults}
        found["differs"] = still_desired(state.get("differs") or [], desired.settings)
        found |= {name: state.get(name) for name in STATE_FIELDS}
        found["last_capture"] = self._last_capture(desired.id, state)
        recording = cast("Recording | None", desired.recording)
        others = (other.state.get("recorder") for other in self._own_slots() if other is not slot)
        found["recorder"] = shared(
            observed_recording(state, recording, reason or NOT_RECORDING_BECAUSE.get(observed, "")), others
        )
        found["recording"] = is_recording(found["recorder"])
        found |= {name: identity.get(name, "") for name in IDENTITY_FIELDS}
        found |= holder_fields(who_holds(desired.lease, desired.runner))
        found["lowered"] = self.lowered
        return cast(Status, found)

    def _last_capture(self, camera: str, state: Mapping[str, Any]) -> LastCapture | None:
        """The newer of what its process reports and what was ingested, which may be from an earlier process."""
        known = (state.get("last_capture"), self.supervisor.database.snapshot.last_captures.get(camera))
        return max((one for one in known if one), key=itemgetter("at"), default=None)
