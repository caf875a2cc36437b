"""The station's ports: free, or used by this station."""

from __future__ import annotations

from collections.abc import Iterator

import psutil

from skycam_project.cli.diagnostics.finding import BROKEN, OK, WARNING, Finding
from skycam_project.cli.diagnostics.own_processes import own_processes
from skycam_project.cli.station import Station
from skycam_project.config import SkycamConfig


def ports(station: Station) -> Iterator[Finding]:
    own = own_processes(station.config)
    listeners = listening_processes()
    for setting, port in used_ports(station.config).items():
        if port not in listeners:
            yield Finding("ports", OK, f"Port {port} ({setting}) is free.")
        elif listeners[port] & own:
            yield Finding("ports", OK, f"Port {port} ({setting}) is used by this station.")
        else:
            yield taken_finding(setting, port, listeners[port])


def used_ports(config: SkycamConfig) -> dict[str, int]:
    """Setting -> port, without those of services that are off."""
    found = {"web.port": config.web.port}
    if config.service.enabled:
        found["service.port"] = config.service.port
    if config.monitoring.prometheus.enabled:
        found["monitoring.prometheus.port"] = config.monitoring.prometheus.port
    return found


def taken_finding(setting: str, port: int, pids: set[int]) -> Finding:
    if not pids:
        detail = f"Port {port} ({setting}) is used by a process of another user."
        return Finding("ports", WARNING, detail, f"If it is not this station, set {setting} to a free port.")
    names = ", ".join(f"{process_name(pid)} (pid {pid})" for pid in sorted(pids))
    return Finding(
        "ports", BROKEN, f"Port {port} ({setting}) is used by {names}.", f"Stop it, or set {setting} to a free port."
    )


def listening_processes() -> dict[int, set[int]]:
    """Port -> the processes that listen on it; none where they belong to another user."""
    found: dict[int, set[int]] = {}
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr:
            pids = found.setdefault(connection.laddr.port, set())
            if connection.pid is not None:
                pids.add(connection.pid)
    return found


def process_name(pid: int) -> str:
    try:
        return psutil.Process(pid).name()
    except psutil.Error:
        return "a process"
