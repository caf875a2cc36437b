"""Discovers the cameras attached to this host. A camera that a process of ours has open is not opened again."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from django.conf import settings

from cameras.child_environment import scrubbed_environment
from cameras.commands.messages import Answer, DiscoveredDevice, DiscoveryAnswer
from cameras.discovery.local import discover_devices

if TYPE_CHECKING:
    from cameras.supervision.camera_slot import CameraSlot
    from cameras.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)


class DiscoveryRunner:
    """`_lock` guards the waiting commands and whether a discovery runs. The Supervisor's thread requests one; the
    discovery's own thread answers."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self._waiting: list[str] = []
        self._lock = threading.Lock()
        self._is_running = False

    def request_discovery(self, command: str) -> None:
        """Returns at once. A request during a running discovery is answered by the next one."""
        with self._lock:
            self._waiting.append(command)
            if self._is_running:
                return
            threading.Thread(target=self._run, name="discovery", daemon=True).start()
            self._is_running = True

    def _run(self) -> None:
        while commands := self._take_waiting():
            answer = self._run_discovery()
            for command in commands:
                self.supervisor.send_response(command, answer)

    def _take_waiting(self) -> list[str]:
        with self._lock:
            commands, self._waiting = self._waiting, []
            self._is_running = bool(commands)
            return commands

    def _run_discovery(self) -> Answer:
        try:
            return Answer(ok=True, body=self._discover())
        except Exception as error:  # no error may block the next discovery
            log.exception("Camera discovery failed.")
            return Answer(ok=False, problem="failed", detail=f"Camera discovery failed: {error}.")

    def _discover(self) -> DiscoveryAnswer:
        held = {slot.place: slot for slot in self.supervisor.slots.values() if slot.place and slot.child}
        found = discover_devices(scrubbed_environment(settings.STATION.camera_environment), held)
        results = [self._with_holder(one, held) for one in found.results]
        return DiscoveryAnswer(host=self.supervisor.host, results=results, problems=found.problems)

    @staticmethod
    def _with_holder(one: DiscoveredDevice, held: dict[str, CameraSlot]) -> DiscoveredDevice:
        """Add `camera`: the slug of our camera that has the device open."""
        slot = held.get(one["address"]) or held.get(os.path.realpath(one["address"]))
        if slot is None:
            return {**one, "camera": None}
        identity = slot.identity
        model, serial = identity.get("model") or one["model"], identity.get("serial") or one["serial"]
        address = slot.desired.address or serial or one["address"]
        known: DiscoveredDevice = {**one, "model": model, "serial": serial, "address": address, "held_by": ""}
        return {**known, "camera": slot.desired.slug}
