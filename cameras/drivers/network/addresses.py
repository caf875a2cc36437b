"""Validation of addresses: one of a few protocols, a host, and nothing that FFmpeg would interpret as an option; and
the time limits of a network camera. The same table limits FFmpeg: it opens no file and no other protocol, whatever a
server answers."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import SplitResult, quote, unquote, urlsplit

from cameras.drivers.credentials import REDACTED
from core.outgoing import ZONE, has_zone

UNVERIFIED = "unverified"
"""After `#`: the camera's certificate is not verified."""
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\.?")
REFUSED = frozenset("|\\<>\"'`{}^ ")
EXAMPLE = "rtsp://user:password@192.168.1.20:554/stream1"
ALLOWED = (
    f"Give {EXAMPLE}, http://host/video.mjpg (MJPEG, MPEG-TS, or an address of single JPEGs; https and rtsps too), or "
    "tcp://host:port or udp://host:port (MPEG-TS)."
)


@dataclass(frozen=True, slots=True)
class Protocol:
    """`lower` are the protocols that FFmpeg may use, `formats` the demuxers that it may open."""

    lower: str
    formats: str
    port: int | None
    """The default port; None where a port is required."""
    bare: bool = False
    """Only a host and a port: no user name, path or query."""
    encrypted: bool = False
    listens: bool = False
    """It opens no connection, and only receives."""


NOTHING = "none"
"""FFmpeg gets the bytes of an HTTP answer from us and opens nothing itself."""
PROTOCOLS = {
    # `rtsp` itself is missing: FFmpeg 8.1 checks the target of a redirect against this list, so it follows none.
    "rtsp": Protocol("tcp,rtp", "rtsp", 554),
    "rtsps": Protocol("tls,tcp,rtp", "rtsp", 322, encrypted=True),
    "http": Protocol(NOTHING, "mpegts", 80),
    "https": Protocol(NOTHING, "mpegts", 443, encrypted=True),
    "tcp": Protocol("tcp", "mpegts", None, bare=True),
    "udp": Protocol("udp", "mpegts", None, bare=True, listens=True),
}


def normalise_address(address: str) -> str:
    """The address in its normal form. ValueError with a sentence that never repeats the address."""
    parts = _split(address.strip())
    protocol = PROTOCOLS[parts.scheme]
    # Such an @ belongs to a password with an unencoded /, ? or #, whose first part would be taken for the host and
    # resolved.
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        _refuse("In a password, write /, ? and # as %2F, %3F and %23. After the host, write @ as %40.")
    if protocol.bare:
        if parts.username is not None or parts.path or parts.query or parts.fragment or not parts.port:
            _refuse(f"A {parts.scheme} address is a host and a port, and nothing else.")
        return f"{parts.scheme}://{_host(parts)}"
    if parts.fragment not in {"", UNVERIFIED} or (parts.fragment and not protocol.encrypted):
        _refuse(f"After # only {UNVERIFIED} is allowed, and only in an rtsps or https address.")
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{parts.scheme}://{_login(parts)}{_host(parts)}{parts.path}{query}{fragment}"


def protocol_of(address: str) -> Protocol:
    """The protocol of a normalised address; ValueError for any other address."""
    # Checked again: a stored address may never have been normalised, and FFmpeg would read `RTSP://` or a path by its
    # own rules.
    if normalise_address(address) != address:
        raise ValueError("Save the camera's address again.")
    return PROTOCOLS[urlsplit(address).scheme]


def destination_of(address: str) -> tuple[str, int] | None:
    """Host and port of a normalised address; None where it only listens."""
    parts = urlsplit(address)
    protocol = PROTOCOLS[parts.scheme]
    port = parts.port or protocol.port
    return None if protocol.listens or port is None else (parts.hostname or "", port)


def _split(address: str) -> SplitResult:
    if not address.isprintable() or REFUSED & set(address):
        _refuse("An address has no space, quotation mark, bracket or control character. Encode them: a space is %20.")
    scheme, colon, _ = address.partition("://")
    if not colon or scheme.lower() not in PROTOCOLS:
        _refuse("This is not the address of a network camera.")
    # A redacted address is for display only: FFmpeg would send *** as the password.
    if REDACTED in address:
        _refuse(f"Write the password itself in place of {REDACTED}.")
    try:
        parts = urlsplit(address)
        # urlsplit checks a port only when it is read.
        _ = parts.port, parts.hostname
    except ValueError:
        _refuse("The host or the port is wrong.")
    return parts


def _host(parts: SplitResult) -> str:
    host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    # `hostname` has lost the brackets of an IPv6 address.
    if has_zone(host):
        _refuse(f"The host {ZONE}")
    if ":" in host and _is_ip6(host):
        return f"[{host}]{port}"
    if not HOST.fullmatch(host) or parts.netloc.endswith(":") or parts.port == 0:
        _refuse("The host is missing or wrong. In a password, write @, / and : as %40, %2F and %3A.")
    return f"{host}{port}"


def _is_ip6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def _login(parts: SplitResult) -> str:
    """Name and password with special characters written as %XX, so that they cannot contain REDACTED."""
    if parts.username is None:
        return ""
    password = "" if parts.password is None else f":{quote(unquote(parts.password), safe='')}"
    return f"{quote(unquote(parts.username), safe='')}{password}@"


def _refuse(cause: str) -> NoReturn:
    raise ValueError(f"{cause} {ALLOWED}")


SLICE_S = 0.02
"""A wait for a packet does not know of interruptions of the clock: they are noticed after this time."""


@dataclass(frozen=True, slots=True)
class NetworkTimes:
    """In seconds."""

    open_s: float = 5.0
    """The time limit for connecting, and for probing the video after it."""
    first_s: float = 10.0
    """The time limit for the first picture: the longest interval of key frames that works."""
    read_s: float = 4.0
    """A source that sends no packet for this long is treated as disconnected. With RTSP, FFmpeg needs twice the
    time."""
    snapshot_s: float = 10.0
    """The time limit for a picture that is requested by itself."""
    pictureless_s: float = 10.0
    """After waiting this long in total, the camera is treated as one that sends no pictures."""
    check_every_s: float = 10.0
    """While no one reads frames, a picture is decoded this often to check that the camera still sends pictures."""
    streaming_s: float = 1.0
    """A reader that requested a frame within this time gets every frame; otherwise it gets the newest."""
