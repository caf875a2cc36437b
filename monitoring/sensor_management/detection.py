"""Detection and tests of sensors, on the hosts that they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings

from core.limits.refusals import WaitLimiter
from monitoring.models import Sensor
from monitoring.sensor_management.commands import (
    WAIT_S,
    SensorHostDown,
    SensorHostSlow,
    detection_answer,
    request_detection,
    request_test,
    wait_for_answer,
)
from monitoring.sensor_management.resource import (
    DetectionBody,
    DetectionProblem,
    FoundBody,
    SampleBody,
    SensorTestRequest,
    StoredTestRequest,
    TestBody,
)
from monitoring.sensor_management.services import check_host, check_kind, check_settings, host_names
from monitoring.sensors.driver import SENSORS
from monitoring.sensors.probe import FoundDevice

MAX_STEM = 36
"""Of the 40 characters of a name, the rest is for a number such as `-12`."""
waiting = WaitLimiter("sensors", most=8, most_per_user=2)


def detect_sensors(actor: str) -> DetectionBody:
    """Ask all hosts at once. One that does not answer is a problem. BrokerDown, TooManyWaiting."""
    with waiting.slot(actor):
        requests: dict[str, str] = {}
        problems: list[DetectionProblem] = []
        found: list[tuple[str, FoundDevice]] = []
        # All are sent before the first answer is awaited, so that the hosts search at the same time.
        hosts = host_names()
        for host in hosts:
            try:
                requests[host] = request_detection(host)
            except SensorHostDown as error:
                problems.append(DetectionProblem(host=host, kind="", message=str(error)))
        for host, sent in requests.items():
            try:
                answer = wait_for_answer(host, sent, WAIT_S["detect"])
            except SensorHostSlow as error:
                problems.append(DetectionProblem(host=host, kind="", message=str(error)))
            else:
                problems += problem_list(host, answer["problems"])
                found += [(host, device) for device in answer["probe"]["devices"]]
    return DetectionBody(hosts=hosts, results=describe_devices(found), problems=problems)


def detect_local_sensors(why: str) -> DetectionBody:
    """The devices of this machine, searched by this process; `why` becomes a problem."""
    host, answer = settings.STATION.host, detection_answer(settings.STATION.outgoing)
    problems = [DetectionProblem(host="", kind="", message=why), *problem_list(host, answer["problems"])]
    found = [(host, device) for device in answer["probe"]["devices"]]
    return DetectionBody(hosts=[host], results=describe_devices(found), problems=problems)


def problem_list(host: str, problems: dict[str, str]) -> list[DetectionProblem]:
    return [DetectionProblem(host=host, kind=kind, message=message) for kind, message in problems.items()]


def describe_devices(devices: Iterable[tuple[str, FoundDevice]]) -> list[FoundBody]:
    """Each device with the sensor that it is already, or a free name. `devices`: host, device."""
    sensors = list(Sensor.objects.filter(removed_at=None))
    taken = {sensor.name for sensor in sensors}
    found: list[FoundBody] = []
    for host, device in devices:
        if device["kind"] not in SENSORS:
            continue  # a host of another version
        name = name_of(host, device, sensors)
        suggested = "" if name else free_name(device["kind"], taken)
        # Two devices of one kind in the same search get different names.
        taken.add(suggested)
        found.append(
            FoundBody(
                host=host, kind=device["kind"], label=device["label"], settings=device["settings"],
                note=device["note"], sensor=name, suggested=suggested,
            )
        )  # fmt: skip
    return found


def name_of(host: str, device: FoundDevice, sensors: Iterable[Sensor]) -> str | None:
    """The name of the sensor of this host that has the settings of the device; it may be off."""
    for sensor in sensors:
        is_same = all(sensor.settings.get(name) == value for name, value in device["settings"].items())
        if (sensor.host, sensor.kind) == (host, device["kind"]) and is_same:
            return sensor.name
    return None


def free_name(kind: str, taken: set[str]) -> str:
    """`digitemp`, or `digitemp-2`."""
    stem = re.sub(r"[^a-z0-9]+", "-", kind.lower())[:MAX_STEM].strip("-")
    # One name more than are taken, so `next` always finds a free one.
    names = (stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def try_settings(wanted: SensorTestRequest, actor: str) -> TestBody:
    """Open a driver once on its host, with settings that are not stored. ValidationError, SensorHostDown,
    SensorHostSlow, BrokerDown, TooManyWaiting."""
    check_kind(wanted.kind)
    host = wanted.host or settings.STATION.host
    check_host(host)
    return _run_test(host, "", wanted.kind, check_settings(wanted.kind, wanted.settings), actor)


def try_sensor(sensor: Sensor, wanted: StoredTestRequest, actor: str) -> TestBody:
    """The same with the settings of a sensor and their changes."""
    check_kind(sensor.kind)
    complete = check_settings(sensor.kind, wanted.settings, sensor)
    return _run_test(sensor.host, str(sensor.pk), sensor.kind, complete, actor)


def _run_test(host: str, sensor: str, kind: str, complete: dict[str, Any], actor: str) -> TestBody:
    with waiting.slot(actor):
        answer = wait_for_answer(host, request_test(host, sensor, kind, complete), WAIT_S["test"])
    probe = answer["probe"]
    samples = [SampleBody.model_construct(**one) for one in probe["samples"]]
    return TestBody.model_construct(
        ok=not probe["message"], message=probe["message"], samples=samples, took_s=answer["took_s"]
    )
