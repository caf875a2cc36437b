"""Metrics of cameras for Prometheus, from the status that their hosts publish."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from cameras.selectors import cameras_for
from cameras.status.process_usage import read_usages
from cameras.status.status import read_fields
from core.broker.broker import BrokerDown

Value = Callable[[dict[str, Any]], float | None]
FIELDS = ("observed", "session", "temperature_celsius", "fps", "battery_percent", "card_free_bytes")
"""The fields of the status that are read."""
OF_CAMERA: dict[str, tuple[str, Value]] = {
    "skycam_camera_temperature_celsius": (
        "Camera temperature in degrees Celsius.",
        lambda status: status["temperature_celsius"],
    ),
    "skycam_active_captures": (
        "Number of active capture sessions.",
        lambda status: float(status["session"] is not None and status["session"]["state"] == "running"),
    ),
    "skycam_camera_ready": (
        "Whether the camera can take pictures now.",
        lambda status: float(status["observed"] in {"ready", "busy"}),
    ),
    "skycam_camera_frames_per_second": ("Frames per second that the camera delivers.", lambda status: status["fps"]),
    "skycam_camera_battery_ratio": (
        "Charge of the camera's battery, from 0 to 1.",
        lambda status: None if status["battery_percent"] is None else status["battery_percent"] / 100,
    ),
    "skycam_camera_card_free_bytes": (
        "Free bytes on the camera's memory card.",
        lambda status: status["card_free_bytes"],
    ),
}
"""Metric -> what it means, and its value; None is left out."""
OUTCOMES = ("planned", "saved", "failed", "skipped")


def camera_metrics(user: Any) -> Iterator[Metric]:
    """A camera whose host does not answer has no value: its last one would be shown as a measurement. All are left out
    while the broker does not answer."""
    slugs = list(cameras_for(user).order_by("slug").values_list("slug", flat=True))
    try:
        statuses = read_fields(slugs, FIELDS)
    except BrokerDown:
        return
    for name, (meaning, value_of) in OF_CAMERA.items():
        family = GaugeMetricFamily(name, meaning, labels=["camera"])
        for slug, status in statuses.items():
            if (value := value_of(status)) is not None:
                family.add_metric([slug], value)
        yield family
    yield _session_captures(statuses)
    yield from _process_usages(list(statuses))


def _session_captures(statuses: dict[str, dict[str, Any]]) -> Metric:
    family = GaugeMetricFamily(
        "skycam_session_captures", "Captures of the camera's active session, by outcome; planned is their sum.",
        labels=["camera", "outcome"],
    )  # fmt: skip
    for slug, status in statuses.items():
        if session := status["session"]:
            for outcome in OUTCOMES:
                family.add_metric([slug, outcome], session[outcome])
    return family


def _process_usages(slugs: list[str]) -> Iterator[Metric]:
    usages = read_usages(slugs)
    processor = GaugeMetricFamily(
        "skycam_camera_process_cpu_ratio", "Processors that the camera's process uses; 1 is one whole processor.",
        labels=["camera"],
    )  # fmt: skip
    memory = GaugeMetricFamily(
        "skycam_camera_process_memory_bytes", "Proportional set size of the camera's process.", labels=["camera"]
    )
    for slug, usage in usages.items():
        processor.add_metric([slug], usage["cpu_percent"] / 100)
        memory.add_metric([slug], usage["memory_bytes"])
    yield processor
    yield memory
