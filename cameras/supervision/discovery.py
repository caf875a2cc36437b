"""Discovers the cameras attached to this host. A camera that a process of ours has open is not opened again."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping

from django.conf import settings

from cameras.child_environment import scrubbed_environment
from cameras.commands.messages import Answer, DiscoveredDevice, DiscoveryAnswer
from cameras.discovery.local import discover_devices
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.ports import AnswerSink

log = logging.getLogger(__name__)


class DiscoveryRunner:
    """`_lock` guards the waiting commands and whether a discovery runs. The Supervisor's thread requests one; the
    discovery's own thread answers."""

    def __init__(self, host: str, slots: Mapping[str, CameraSlot], answers: AnswerSink) -> None:
        self._host, self._slots, self._answers = host, slots, answers
        self._waiting: list[str] = []
        self._lock = threading.Lock()
        self._is_running = False

    def request_discovery(self, command: str) -> None:
        """Returns at once. A request during a running discovery is answered by the next one."""
        with self._lock:
            self._waiting.append(command)
            if self._is_running:
                return
            # Before the flag: if no thread can be started, the next request tries again.
            threading.Thread(target=self._run, name="discovery", daemon=True).start()
            self._is_running = True

    def _run(self) -> None:
        while commands := self._take_waiting():
            answer = self._run_discovery()
            for command in commands:
                self._answers.send_response(command, answer)

    def _take_waiting(self) -> list[str]:
        with self._lock:
            # Both under one lock: a request is either answered by this thread, or finds that it has to start one.
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
        held = {slot.place: slot for slot in self._slots.values() if slot.place and slot.child}
        found = discover_devices(scrubbed_environment(settings.STATION.camera_environment), held)
        results = [with_holder(one, held) for one in found.results]
        return DiscoveryAnswer(host=self._host, results=results, problems=found.problems)


def with_holder(one: DiscoveredDevice, held: Mapping[str, CameraSlot]) -> DiscoveredDevice:
    """Add `camera`: the slug of our camera that has the device open. `held`: place -> its slot."""
    # A device may be listed by a link such as /dev/v4l/by-id/...; the place of an open one is its real path.
    slot = held.get(one["address"]) or held.get(os.path.realpath(one["address"]))
    if slot is None:
        return {**one, "camera": None}
    identity = slot.identity
    model, serial = identity.get("model") or one["model"], identity.get("serial") or one["serial"]
    address = slot.desired.address or serial or one["address"]
    known: DiscoveredDevice = {**one, "model": model, "serial": serial, "address": address, "held_by": ""}
    return {**known, "camera": slot.desired.slug}
