"""Commands to the sensors part of a host, and their answers: a list in Redis for each host, and one for each answer.
Deadlines are in Redis TIME: a command that no one waits for any more is not started. A probe of a sensor runs in a
process that is killed at its deadline."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, TypedDict, cast

import uuid6

from core.background import log_and_continue
from core.broker import broker
from core.jobs.children import kill_child, start_child
from core.outages import describe_failure
from core.outgoing import OutgoingGuard
from core.retrying_thread import RetryingThread
from core.secrets import Binding, DecryptionFailed, decrypt, encrypt
from monitoring.sensors.driver import SENSORS, SensorDriver, driver_class
from monitoring.sensors.probe import FoundDevice, ProbeAnswer, ProbeRequest

log = logging.getLogger(__name__)

MODULE = "monitoring.sensors.probe"
DETECT_S = 8.0
TEST_S = 15.0
KILL_AFTER_S = 4.0
"""After its own deadline: the start of a process on a busy machine, and a driver that is a little late."""
SEARCHED_AT_ONCE = 4


def open_once(kind: str, settings: dict[str, object], guard: OutgoingGuard) -> ProbeAnswer:
    """Open the driver once and read it. `settings` are complete, with secrets."""
    return run_probe(
        ProbeRequest(action="test", kind=kind, settings=settings, deadline_s=TEST_S, outgoing=guard.rules())
    )


def detect_devices(guard: OutgoingGuard) -> tuple[list[FoundDevice], dict[str, str]]:
    """The devices of all kinds at this machine, and kind -> a sentence for each search that failed."""
    kinds = [kind for kind in SENSORS if has_detection(kind)]
    requests = [
        ProbeRequest(action="detect", kind=kind, settings={}, deadline_s=DETECT_S, outgoing=guard.rules())
        for kind in kinds
    ]
    with ThreadPoolExecutor(SEARCHED_AT_ONCE, "sensor-detection") as pool:
        answers = dict(zip(kinds, pool.map(run_probe, requests), strict=True))
    devices = [device for answer in answers.values() for device in answer["devices"]]
    return devices, {kind: answer["message"] for kind, answer in answers.items() if answer["message"]}


def has_detection(kind: str) -> bool:
    return driver_class(kind).detect.__func__ is not SensorDriver.detect.__func__  # type: ignore[attr-defined]


def run_probe(request: ProbeRequest) -> ProbeAnswer:
    """Takes KILL_AFTER_S longer than the request's deadline at most."""
    limit_s = request["deadline_s"] + KILL_AFTER_S
    try:
        child = start_child(MODULE, str(os.getpid()))
    except OSError as error:
        return failed(f"Its process cannot be started ({error.strerror}).")
    with child:
        try:
            answer, _ = child.communicate(json.dumps(request).encode() + b"\n", timeout=limit_s)
            found: ProbeAnswer = json.loads(answer)
        except subprocess.TimeoutExpired:
            return failed(f"It did not answer within {limit_s:g} s, so its process was killed.")
        except ValueError:
            return failed("Its process ended without an answer. The log says why.")
        finally:
            kill_child(child)
    return found


def failed(message: str) -> ProbeAnswer:
    return ProbeAnswer(message=message, samples=[], devices=[])


ANSWER_TTL_S = 60
COMMAND_TTL_S = 120
BLOCK_S = 1.0
"""Less than the connection's timeout, which redis-py applies to blocking commands, too."""
AT_ONCE = 4
WAY_S = 3.0
"""For the way there and back."""
WAIT_S = {"detect": DETECT_S + KILL_AFTER_S + WAY_S, "test": TEST_S + KILL_AFTER_S + WAY_S}


class SensorHostDown(Exception):
    """The message says what to do."""


class SensorHostSlow(Exception):
    """The host did not answer in time."""


class SensorCommand(TypedDict):
    """`settings_encrypted` is JSON with the secrets, encrypted: the broker may keep it on a disk. `sensor` is the id of
    the row that a test is about, or empty."""

    id: str
    command: Literal["detect", "test"]
    sensor: str
    kind: str
    settings_encrypted: str
    deadline_ms: int


class SensorAnswer(TypedDict):
    """`problems`: kind -> a sentence for each search that failed."""

    probe: ProbeAnswer
    problems: dict[str, str]
    took_s: float


def request_detection(host: str) -> str:
    """Ask a host for its devices; returns the id for `wait_for_answer`. SensorHostDown, BrokerDown."""
    return _send(host, "detect")


def request_test(host: str, sensor: str, kind: str, settings: dict[str, Any]) -> str:
    """Ask a host to open a driver once; the same."""
    return _send(host, "test", sensor=sensor, kind=kind, settings=settings)


def _send(
    host: str,
    command: Literal["detect", "test"],
    sensor: str = "",
    kind: str = "",
    settings: dict[str, Any] | None = None,
) -> str:
    command_id = str(uuid6.uuid7())
    encrypted = encrypt(settings or {}, binding_of(command_id, kind))
    with broker.reachable() as server:
        # The part publishes its states each second, for some seconds: a host that is down costs no wait.
        if not server.exists(broker.key("sensors", host)):
            raise SensorHostDown(f"The sensors part of the host {host} does not answer. Start `skycam up` there.")
        content = SensorCommand(
            id=command_id, command=command, sensor=sensor, kind=kind, settings_encrypted=encrypted,
            deadline_ms=broker.time_ms(server) + int(WAIT_S[command] * 1000),
        )  # fmt: skip
        name = command_list(host)
        pipe = server.pipeline(transaction=False)
        pipe.rpush(name, json.dumps(content))
        pipe.expire(name, COMMAND_TTL_S)
        pipe.execute()
    return command_id


def wait_for_answer(host: str, command_id: str, wait_s: float) -> SensorAnswer:
    """SensorHostSlow after `wait_s`; BrokerDown."""
    until = time.monotonic() + wait_s
    with broker.reachable() as server:
        while (left := until - time.monotonic()) > 0:
            # Redis reads a timeout of 0 as for ever.
            found = server.blpop([answer_list(command_id)], timeout=min(BLOCK_S, max(left, 0.01)))
            if found:
                return cast(SensorAnswer, json.loads(cast(Any, found)[1]))
    raise SensorHostSlow(f"The host {host} did not answer within {wait_s:g} s. Try again.")


def binding_of(command_id: str, kind: str) -> Binding:
    return Binding("command to sensors", command_id, kind)


def command_list(host: str) -> str:
    return broker.key("sensors-command", host)


def answer_list(command_id: str) -> str:
    return broker.key("sensors-answer", command_id)


class SensorCommandServer:
    """Answers the commands of a host, some at once. `pause` gives a context in which the process of the sensor with
    this id does not run: a serial port is opened by one process at a time."""

    def __init__(
        self, host: str, guard: OutgoingGuard, pause: Callable[[str], AbstractContextManager[object]] = nullcontext
    ) -> None:
        self._host, self._guard, self._pause = host, guard, pause
        self._pool = ThreadPoolExecutor(AT_ONCE, "sensor-command")
        self._is_away = False
        self._thread = RetryingThread("sensor-commands", self.answer_next)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What runs is not waited for: its processes end with this one."""
        self._thread.stop(BLOCK_S + 1.0)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def answer_next(self) -> float | None:
        """Wait for the next command and begin it. Seconds to wait while the broker is away."""
        try:
            server = broker.connection()
            found = server.blpop([command_list(self._host)], timeout=BLOCK_S)
            now_ms = broker.time_ms(server) if found else 0
        except broker.UNREACHABLE as error:
            if not self._is_away:
                log.warning("Commands to sensors wait while the broker is away: %s.", describe_failure(error))
            self._is_away = True
            return BLOCK_S
        self._is_away = False
        if found:
            command: SensorCommand = json.loads(cast(Any, found)[1])
            if command["deadline_ms"] > now_ms:
                self._pool.submit(self._answer, command)
        return None

    def _answer(self, command: SensorCommand) -> None:
        with log_and_continue("sensor-commands"):
            began = time.monotonic()
            answer = self._run(command)
            answer["took_s"] = round(time.monotonic() - began, 3)
            name = answer_list(command["id"])
            pipe = broker.connection().pipeline(transaction=False)
            pipe.lpush(name, json.dumps(answer))
            pipe.expire(name, ANSWER_TTL_S)
            pipe.execute()

    def _run(self, command: SensorCommand) -> SensorAnswer:
        if command["command"] == "detect":
            return detection_answer(self._guard)
        try:
            settings = decrypt(command["settings_encrypted"], binding_of(command["id"], command["kind"]))
        except DecryptionFailed as error:
            return SensorAnswer(probe=failed(str(error)), problems={}, took_s=0.0)
        with self._pause(command["sensor"]):
            probe = open_once(command["kind"], settings, self._guard)
        return SensorAnswer(probe=probe, problems={}, took_s=0.0)


def detection_answer(guard: OutgoingGuard) -> SensorAnswer:
    """The devices of this machine."""
    devices: list[FoundDevice]
    devices, problems = detect_devices(guard)
    return SensorAnswer(probe=ProbeAnswer(message="", samples=[], devices=devices), problems=problems, took_s=0.0)
