"""Checks of how the station is reached: its ports, free or used by this station, and the end of the certificate that
browsers see."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psutil

from skycam_project.cli.diagnostics.finding import BROKEN, OK, WARNING, Finding
from skycam_project.cli.station import Station
from skycam_project.config import SkycamConfig


def own_processes(config: SkycamConfig) -> set[int]:
    """The launchers of this data folder and everything that they have started; empty while none runs."""
    from skycam_project.launch.control import part_rows
    from skycam_project.launch.preflight import LaunchError

    try:
        parts = [row["pid"] for row in part_rows(config) if row["pid"] is not None]
    except LaunchError:
        return set()
    launchers = {pid for part in parts if (pid := parent_of(part)) > 1}
    return launchers | {child for pid in {*parts, *launchers} for child in descendants(pid)}


def parent_of(pid: int) -> int:
    """1 for a process that has ended."""
    try:
        return psutil.Process(pid).ppid()
    except psutil.Error:
        return 1


def descendants(pid: int) -> set[int]:
    """The process itself, and its children."""
    try:
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    except psutil.Error:
        return {pid}


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


HTTPS_PORT = 443
PATIENCE_S = 3.0
SOON = timedelta(days=14)
RENEW = "Renew it at the proxy, for example: certbot renew"


def certificate(station: Station) -> Iterator[Finding]:
    """The proxy has the certificate, so it is asked as a browser would ask it."""
    web = station.config.web
    if not web.tls:
        yield Finding("certificate", OK, "Browsers reach the station without TLS (`web.tls` is off).")
        return
    for name in [host.lstrip(".") for host in web.allowed_hosts] or ["localhost"]:
        yield certificate_finding(name, HTTPS_PORT)


def certificate_finding(host: str, port: int) -> Finding:
    try:
        ends = end_of_certificate(host, port)
    except (OSError, ValueError) as error:
        detail = f"The certificate of {host} could not be read at port {port}: {error}."
        return Finding("certificate", WARNING, detail, "Start the proxy, and check `web.allowed_hosts`.")
    left = ends - datetime.now(UTC)
    if left <= timedelta(0):
        return Finding("certificate", BROKEN, f"The certificate of {host} has expired on {ends:%Y-%m-%d}.", RENEW)
    detail = f"The certificate of {host} is valid until {ends:%Y-%m-%d}."
    return Finding("certificate", WARNING, detail, RENEW) if left < SOON else Finding("certificate", OK, detail)


def end_of_certificate(host: str, port: int) -> datetime:
    """Raises OSError, and ValueError for a certificate that cannot be read."""
    from cryptography.x509 import load_der_x509_certificate

    context = ssl.create_default_context()
    # An expired certificate, or one of an authority that this machine does not know, must still be read.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        found = secure.getpeercert(binary_form=True) or b""
    return load_der_x509_certificate(found).not_valid_after_utc
