"""Protection against SSRF: the guard of all addresses that users give and the station connects to, such as cameras,
web-hooks and buckets.

A name is resolved once and each of its addresses is checked. The connection uses a checked address and never resolves
the name again, so a later change of the name (DNS rebinding) has no effect.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Any, Self, TypedDict

Address = IPv4Address | IPv6Address
Resolver = Callable[..., list[Any]]

METADATA = "a cloud metadata address"
# Private networks and loopback are missing on purpose: cameras are there. The station's own ports are refused apart.
REFUSED: dict[str, str] = {
    "0.0.0.0/8": "an unspecified address",
    # The metadata addresses in this range have entries of their own, so that allowing the range for cameras with an
    # automatic address does not allow them.
    "169.254.0.0/16": "a link-local address",
    "169.254.169.254/32": METADATA,  # AWS, Azure, Google Cloud, OpenStack
    "169.254.170.2/32": METADATA,  # credentials of AWS containers
    "100.100.100.200/32": METADATA,  # Alibaba Cloud
    "168.63.129.16/32": METADATA,  # Azure's WireServer
    "192.0.0.192/32": METADATA,  # Oracle Cloud Classic
    "224.0.0.0/4": "a multicast address",
    "240.0.0.0/4": "a reserved address",
    "::/128": "an unspecified address",
    "fe80::/10": "a link-local address",
    "fec0::/10": "a link-local address",
    "fd00:ec2::254/128": METADATA,  # AWS over IPv6
    "ff00::/8": "a multicast address",
}
"""Ranges that are refused unless allowed -> what they are. The narrowest range that contains an address decides."""
SETTING = "network.allowed_ranges"
CONFIGURED = "an address of `network.refused_ranges`"
OWN = "leads to a port of the station itself, which is always refused. Give another one."
HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\.?")
# C libraries read such a host, or its last part, as an IPv4 address: 0x7f.1 is 127.0.0.1.
NUMBER = re.compile(r"(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?")
ZONE = (
    "has an IPv6 zone, the part from % on. It names a network card of one machine and cannot be used. Give an address"
    " that needs none, such as [2001:db8::1]."
)
"""Continues a sentence that begins with "The address"."""
NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
COMPATIBLE = IPv6Network("::/96")


class AddressRefused(ValueError):
    """The text continues a sentence that begins with "The address": it says what is refused and which setting allows
    it. It is the same whether or not anything listens there, and omits the address, which not everyone may see."""


class Rules(TypedDict):
    """A guard's arguments as JSON."""

    refused_ranges: list[str]
    allowed_ranges: list[str]
    own_ports: list[int]
    own_services: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A checked destination. `addresses` are in the order in which they are tried."""

    host: str
    addresses: tuple[Address, ...]
    port: int


class OutgoingGuard:
    """`refused_ranges` and `allowed_ranges` are networks such as `10.0.0.0/8`, in addition to REFUSED. The narrowest
    network that contains an address decides; of two equal ones, the allowed one.

    `own_ports` are the station's ports on this machine. `own_services` are (host, port) of its services anywhere, such
    as its database. No setting allows these. Raises ValueError for an invalid network.
    """

    def __init__(
        self,
        refused_ranges: Iterable[str] = (),
        allowed_ranges: Iterable[str] = (),
        own_ports: Iterable[int] = (),
        own_services: Iterable[tuple[str, int]] = (),
        resolver: Resolver = socket.getaddrinfo,
    ) -> None:
        self._refused = tuple(refused_ranges)
        self._allowed = tuple(allowed_ranges)
        self._own_ports = frozenset(own_ports)
        self._own_services = tuple(own_services)
        self._resolver = resolver
        # The order decides between equal networks: the last entry stays, so an allowed one overrides a refused one.
        judged = {**REFUSED, **dict.fromkeys(self._refused, CONFIGURED), **dict.fromkeys(self._allowed, "")}
        # Keys are networks and not texts, since one network can be written in several ways.
        self._ranges = {ipaddress.ip_network(network): why for network, why in judged.items()}

    @classmethod
    def of(cls, rules: Rules) -> Self:
        services = [(host, port) for host, port in rules["own_services"]]
        return cls(rules["refused_ranges"], rules["allowed_ranges"], rules["own_ports"], services)

    def rules(self) -> Rules:
        return Rules(
            refused_ranges=list(self._refused),
            allowed_ranges=list(self._allowed),
            own_ports=sorted(self._own_ports),
            own_services=list(self._own_services),
        )

    def resolve(self, host: str, port: int) -> Endpoint:
        """The allowed addresses of `host`, from one query to the system's resolver.

        Raises AddressRefused when all are refused, and OSError (socket.gaierror) for an unknown host.
        """
        # A name with several addresses keeps those that are allowed.
        found = {address: self._refusal_reason(address, port) for address in self._addresses(host, port)}
        allowed = tuple(address for address, reason in found.items() if not reason)
        if not allowed:
            raise AddressRefused(next(iter(found.values()), "leads nowhere. Give another one."))
        return Endpoint(host, allowed, port)

    def check(self, address: Address, port: int) -> None:
        """Raises AddressRefused for an address that the station must not connect to."""
        if reason := self._refusal_reason(address, port):
            raise AddressRefused(reason)

    def connect(self, host: str, port: int, timeout_s: float) -> socket.socket:
        """A connection to the first address of `host` that accepts one. Raises AddressRefused, and OSError, also after
        `timeout_s` seconds in total."""
        return connect_endpoint(self.resolve(host, port), timeout_s)

    def _addresses(self, host: str, port: int) -> Iterator[Address]:
        literal = literal_address(host)
        if literal is not None:
            yield literal
            return
        for *_, place in self._resolver(host, port, type=socket.SOCK_STREAM):
            # A link-local address has its interface after the %, with which it would be in none of the ranges.
            yield ipaddress.ip_address(str(place[0]).partition("%")[0])

    def _refusal_reason(self, address: Address, port: int) -> str:
        """Why the address is refused; empty if it is allowed."""
        # Each form is judged alone: an allowed IPv6 range does not allow a refused IPv4 address that is embedded in it.
        for view in equivalent_addresses(address):
            within = [network for network in self._ranges if view in network]
            narrowest = max(within, key=lambda network: network.prefixlen, default=None)
            if narrowest is not None and (why := self._ranges[narrowest]):
                return f"leads to {why}, which is refused. Give another one, or allow it with `{SETTING}`."
        if self._is_own_port(address, port):
            return OWN
        return ""

    def _is_own_port(self, address: Address, port: int) -> bool:
        here = any(is_of_this_machine(view) for view in equivalent_addresses(address))
        if here and port in self._own_ports:
            return True
        return any(
            port == own and self._host_has_address(host, port, address, here) for host, own in self._own_services
        )

    def _host_has_address(self, host: str, port: int, address: Address, here: bool) -> bool:
        """Whether `host` has `address`. If `here`, `address` is this machine's, and any of its interfaces counts."""
        try:
            # Resolved each time: the address of a database or broker may change while the station runs.
            found = list(self._addresses(host, port))
        except OSError:
            return False
        return bool(set(equivalent_addresses(address)) & set(found)) or (
            here and any(is_of_this_machine(own) for own in found)
        )


def connect_endpoint(endpoint: Endpoint, timeout_s: float) -> socket.socket:
    """A connection to the first address that accepts one. Each address gets an equal share of `timeout_s`. Raises
    OSError."""
    failure: OSError = OSError("There is no address.")
    for address in endpoint.addresses:
        try:
            # An address and not the name, so nothing is resolved a second time.
            return socket.create_connection((str(address), endpoint.port), timeout_s / len(endpoint.addresses))
        except OSError as error:
            failure = error
    raise failure


def literal_address(host: str) -> Address | None:
    """The address that `host` spells, or None for a name. Raises AddressRefused for ambiguous forms, which programs
    read as different addresses or as a name: `0177.0.0.1`, `2130706433`, `127.1`."""
    plain = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if has_zone(host):
        raise AddressRefused(ZONE)
    if "%" not in plain:
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(plain)
    if not HOST.fullmatch(host) or NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        raise AddressRefused(
            "has a host that is neither a name nor an IP address. Write an IP address as 192.168.1.20 or [2001:db8::1]."
        )
    return None


def has_zone(host: str) -> bool:
    """Whether it is an IPv6 address with a zone, such as `fe80::1%eth0`."""
    address, percent, _ = host.strip("[]").partition("%")
    with contextlib.suppress(ValueError):
        return bool(percent) and bool(IPv6Address(address))
    return False


def equivalent_addresses(address: Address) -> Iterator[Address]:
    """The address, and the IPv4 addresses embedded in it if it is an IPv6 address that leads to them."""
    yield address
    if isinstance(address, IPv6Address):
        # `teredo` is a pair: the server and the client.
        embedded = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        # `::` and `::1` are in COMPATIBLE without an embedded address.
        if any(address in network for network in NAT64) or (address in COMPATIBLE and int(address) > 1):
            embedded.append(IPv4Address(int(address) & 0xFFFFFFFF))
        yield from (found for found in embedded if found is not None)


def is_of_this_machine(address: Address) -> bool:
    """Whether the address belongs to this machine; loopback does."""
    # Each camera process imports this module, and few connect to an address.
    import psutil

    # A connection to 0.0.0.0 or :: reaches this machine.
    if address.is_loopback or address.is_unspecified:
        return True
    # Read each time: network cards and their addresses change while the station runs.
    own = {place.address.partition("%")[0] for places in psutil.net_if_addrs().values() for place in places}
    return str(address) in own
