"""What the monitoring costs: ten simulated sensors read each 2 s, four simulated cameras, and a scrape each 15 s."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

from bench.figures import Table
from bench.runs import Runs
from bench.station import SLUG, BenchStation
from tests.harness.stations.http_client import HttpClient
from tests.harness.waiting import eventually

CAMERAS, SENSORS, INTERVAL_S = 4, 10, 2.0
SCRAPE_EVERY_S, SCRAPES = 15, 30
CACHED_S = 1.1
"""Longer than an answer is given again."""
SETTLE_S, MEASURED_S = 20, 120
"""The jobs of readings run each minute."""
LIMIT = 0.03
"""Of one core."""
CHILD = "monitoring.sensors.child"
MEASURE_PARTS = """
import json, os, time, django
os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
django.setup()
from skycam_project.config import load_config
from skycam_project.launch.metrics_port import PartUsages
from skycam_project.periodic import TASKS

usages, times, began = PartUsages(load_config()), 10, time.process_time()
for _ in range(times):
    usages.measure()
print(json.dumps([(time.process_time() - began) / times, TASKS["part-usage"].fixed_interval_s]))
"""


def run(runs: Runs) -> list[Table]:
    measured_s = runs.times(MEASURED_S)
    with BenchStation(runs.folder / "monitoring") as station:
        add_cameras(station)
        time.sleep(SETTLE_S)
        without = shares(station, measured_s)
        add_sensors(station)
        time.sleep(SETTLE_S)
        found = shares(station, measured_s)
        scrape = scrape_s(station) / SCRAPE_EVERY_S
        measure_s, measured_each_s = part_usage(station)
        usage = measure_s / measured_each_s
    jobs = max(0.0, found["jobs"] - without["jobs"])
    table = Table(f"Monitoring: {SENSORS} sensors at {INTERVAL_S:g} s, {CAMERAS} cameras, of one core")
    table.add("The part sensors: readings, rules, publishing", percent(found["sensors"]), note=seconds(measured_s))
    table.add("The part sensors without a sensor", percent(without["sensors"]), note=seconds(measured_s))
    table.add(f"The processes of {SENSORS} sensors", percent(found[CHILD]), note=seconds(measured_s))
    table.add("The jobs of readings", percent(jobs), note="the part jobs with sensors, minus without")
    table.add(
        f"A scrape each {SCRAPE_EVERY_S} s", percent(scrape), note=f"the worker in {SCRAPES} scrapes, minus at rest"
    )
    table.add(f"Processor and memory of the parts, each {measured_each_s:g} s", percent(usage))
    whole = found["sensors"] + found[CHILD] + jobs + scrape + usage
    table.add("All", percent(whole), f"{100 * LIMIT:g} %", note="without the line without a sensor")
    return [table]


def add_cameras(station: BenchStation) -> None:
    client = station.client()
    for number in range(1, CAMERAS):
        client.request("POST", "/api/v1/cameras/", {"slug": f"more-{number}", "kind": "simulated"}, expect=201)
    slugs = [SLUG, *(f"more-{number}" for number in range(1, CAMERAS))]
    eventually(lambda: {client.get(f"/api/v1/cameras/{one}/status/")["observed"] for one in slugs} == {"ready"})


def add_sensors(station: BenchStation) -> None:
    client = station.client()
    for number in range(SENSORS):
        body = {"name": f"sensor-{number}", "kind": "simulated", "interval_s": INTERVAL_S}
        client.request("POST", "/api/v1/sensors/", body, expect=201)
    eventually(lambda: {one["state"] for one in client.get("/api/v1/sensors/")["results"]} == {"ok"})


def shares(station: BenchStation, measured_s: int) -> dict[str, float]:
    """The parts `sensors` and `jobs`, and the sensors' processes -> the processors that they used."""
    began, before = time.monotonic(), used_s(station)
    time.sleep(measured_s)
    after, passed_s = used_s(station), time.monotonic() - began
    return {name: (after[name] - before[name]) / passed_s for name in before}


def used_s(station: BenchStation) -> dict[str, float]:
    """Processor time until now, with that of ended children; of the jobs also of children that run."""
    sensors, jobs = station.station.part("sensors"), station.station.part("jobs")
    children = [one for one in sensors.children(recursive=True) if CHILD in " ".join(one.cmdline())]
    processes = {"sensors": [sensors], "jobs": [jobs, *jobs.children(recursive=True)], CHILD: children}
    return {name: sum(sum(one.cpu_times()[:4]) for one in found) for name, found in processes.items()}


def scrape_s(station: BenchStation, before: Callable[[], None] = lambda: None) -> float:
    """Seconds of the worker's processor time that a scrape takes. `before` is called before each."""
    port, cameras = HttpClient(station.station.metrics_port), station.station.part("cameras")

    def worker_s(scrapes: bool) -> float:
        began = sum(cameras.cpu_times()[:2])
        for _ in range(SCRAPES):
            time.sleep(CACHED_S)
            before()
            if scrapes:
                port.request("GET", "/metrics")
        return sum(cameras.cpu_times()[:2]) - began

    at_rest = worker_s(scrapes=False)
    return max(0.0, worker_s(scrapes=True) - at_rest) / SCRAPES


def part_usage(station: BenchStation) -> tuple[float, float]:
    """Processor time of one measurement of the parts, and the interval of measurements, in seconds."""
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE_PARTS], env=station.station.environment, check=True, capture_output=True
    )
    used_s, interval_s = json.loads(measured.stdout)
    return used_s, interval_s


def percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def seconds(measured_s: int) -> str:
    return f"in {measured_s} s"
