"""Client addresses: the network of one, for limits per client, and whether a host is this machine."""

from __future__ import annotations

import ipaddress

LONGEST = 60


def client_network(address: str) -> str:
    """The addresses that one household or machine has: one IPv4 address, or a /64 network of IPv6. Other text is
    returned, shortened to LONGEST characters."""
    try:
        # A link-local address has its interface after the %.
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:LONGEST]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    # A socket for both protocols shows an IPv4 client as ::ffff:192.168.1.20. In its /64 network are all IPv4
    # addresses.
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


def is_loopback_host(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_private_host(host: str) -> bool:
    """Whether an address is of this machine or of a private network. A name is not, except localhost."""
    if host == "localhost":
        return True
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    return found.is_private and not found.is_unspecified
