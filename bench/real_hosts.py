"""Eight hosts of one station with eight simulated cameras each, all with real processes, on PostgreSQL and Redis: what
the status page costs, idle and while a session runs on each camera, and what the hosts need.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack

import psutil

from bench.figures import Table
from bench.many_hosts import PAGE_LIMIT_MS, web_page
from bench.runs import Runs
from tests.harness.postgresql import postgresql
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station
from tests.harness.waiting import eventually

HOSTS, CAMERAS = 8, 8
"""The second is of each host."""
CADENCE_S = 30
SETTLED_S, MEASURED_S = 20.0, 30.0


def run(runs: Runs) -> list[Table]:
    found = Table(f"{HOSTS} hosts with {CAMERAS} real camera processes each")
    with ExitStack() as stack:
        database, broker = stack.enter_context(postgresql()), Broker(runs.folder)
        stack.callback(broker.kill)
        variables = {"DATABASE_URL": database, "REDIS_URL": f"unix://{broker.socket}", **ANY_NUMBER_OF_KILLS}
        # With the camera that a new station has.
        variables["CAMERA_CONFIG__MAX_CAMERAS"] = str(HOSTS * CAMERAS + 1)
        main = Station(runs.folder / "main", **variables)
        stack.callback(main.ensure_stopped)
        main.up()
        hosts = [main]
        for number in range(1, HOSTS):
            far = Station(
                runs.folder / f"far-{number}", **variables, SKYCAM_HOST=f"far-{number}", **main.shared_identity
            )
            stack.callback(far.ensure_stopped)
            far.start(only="worker")
            hosts.append(far)
        eventually(lambda: len(main.api.get("hosts/")["results"]) == HOSTS, "the main machine knows all hosts")
        cameras = [add_camera(main, host, number) for host in range(HOSTS) for number in range(CAMERAS)]
        for slug in cameras:
            main.cameras.eventually_ready(slug)
        measure(found, "Idle", main, hosts, runs.times(20))
        for slug in cameras:
            main.cameras.start_session(slug, exposure_us=1000, cadence_s=CADENCE_S)
        measure(found, f"With {len(cameras)} sessions of a picture each {CADENCE_S} s", main, hosts, runs.times(20))
    return [found]


def add_camera(main: Station, host: int, number: int) -> str:
    slug = f"camera-{host}-{number}"
    body = {"slug": slug, "name": slug, "kind": "simulated", "host": f"far-{host}" if host else "main"}
    answer = main.api.post("cameras/", body)
    assert answer.status == 201, answer
    return slug


def measure(found: Table, when: str, main: Station, hosts: list[Station], times: int) -> None:
    time.sleep(SETTLED_S)
    used_s, began = cost_s(hosts), time.monotonic()
    time.sleep(MEASURED_S)
    percent = 100 * (cost_s(hosts) - used_s) / (time.monotonic() - began)
    page = web_page(main, "/status/", times)
    found.add(f"{when}: status page", page, f"{PAGE_LIMIT_MS} ms", f"load of the machine {os.getloadavg()[0]:.1f}")
    found.add(f"{when}: processor of all hosts", f"{percent:.0f} % of a core")
    found.add(f"{when}: memory of all hosts", f"{memory_mb(hosts):,.0f} MB", note="PSS, with the main machine's parts")


def cost_s(hosts: list[Station]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes(hosts))


def memory_mb(hosts: list[Station]) -> float:
    return sum(process.memory_full_info().pss for process in processes(hosts)) / 1e6


def processes(hosts: list[Station]) -> set[psutil.Process]:
    """A part may be a child of another one."""
    parts = [psutil.Process(pid) for host in hosts for pid in host.running_pids().values()]
    return {one for part in parts for one in (part, *part.children(recursive=True))}
