"""Outgoing connections: none to the station's own ports or refused addresses, and only to checked ones."""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.outgoing import (
    Address,
    AddressRefused,
    OutgoingGuard,
    equivalent_addresses,
    is_of_this_machine,
    literal_address,
)
from tests.harness.waiting import PATIENCE_S

ANYWHERE = OutgoingGuard()
WEB, SERVICE = 8080, 8001
STATION = OutgoingGuard(own_ports=[WEB, SERVICE])
addresses = st.ip_addresses(v=4)


class Resolver:
    """Returns one list of addresses after another, and then always the last one."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.queries = list(answers), 0

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.queries += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def refusal(host: str, port: int = 554, guard: OutgoingGuard = ANYWHERE) -> str:
    with pytest.raises(AddressRefused) as error:
        guard.resolve(host, port)
    return str(error.value)


@pytest.mark.parametrize(
    "host", ["192.168.1.20", "10.0.0.9", "127.0.0.1", "8.8.8.8", "[2001:db8::1]", "::1", "fd12:3456::1", "100.64.0.9"]
)
def test_a_camera_in_the_network_or_on_this_machine_is_allowed(host: str) -> None:
    assert [str(address) for address in ANYWHERE.resolve(host, 554).addresses] == [host.strip("[]")]


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("169.254.1.1", "link-local"),
        ("169.254.169.254", "cloud metadata"),
        ("100.100.100.200", "cloud metadata"),
        ("[fd00:ec2::254]", "cloud metadata"),
        ("0.0.0.0", "an unspecified address"),
        ("0.1.2.3", "an unspecified address"),
        ("[::]", "an unspecified address"),
        ("239.0.0.1", "multicast"),
        ("[ff02::1]", "multicast"),
        ("255.255.255.255", "reserved"),
        ("[fe80::1]", "link-local"),
        ("[::ffff:169.254.169.254]", "cloud metadata"),
        ("[::ffff:0.0.0.0]", "an unspecified address"),
        ("[64:ff9b::a9fe:a9fe]", "cloud metadata"),
        ("[2002:a9fe:a9fe::1]", "cloud metadata"),
        ("[::169.254.169.254]", "cloud metadata"),
    ],
)
def test_addresses_that_are_not_cameras_are_refused_and_the_setting_is_named(host: str, why: str) -> None:
    message = refusal(host)
    assert why in message
    assert "`network.allowed_ranges`" in message


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.1", "127.0.1", "127.0.0.01", "256.1.1.1", "1.2.3.4.5",
        "127.0.0.1.", "x%eth0", "me@127.0.0.1", "127.0.0.1:80", "127.0.0.1/x", "a b", "", ".", "-x", "камера",
        "127。0。0。1", "①②⑦.0.0.1", "x\n", "x\0", "0x", "1.", "[::1",
    ],
)  # fmt: skip
def test_ambiguous_addresses_are_refused(host: str) -> None:
    guard = OutgoingGuard(resolver=Resolver(["192.168.1.20"]))
    assert refusal(host, guard=guard).startswith("has a host that is neither a name nor an IP address.")


@pytest.mark.parametrize("host", ["fe80::1%eth0", "[fe80::1%25eth0]", "2001:db8::1%1", "fe80::1%"])
def test_an_ipv6_zone_is_named(host: str) -> None:
    assert refusal(host).startswith("has an IPv6 zone, the part from % on.")


@given(addresses, st.sampled_from(["{0:d}", "0x{0:x}", "0{0:o}"]))
def test_a_number_is_never_a_host(address: ipaddress.IPv4Address, spelling: str) -> None:
    with pytest.raises(AddressRefused):
        literal_address(spelling.format(int(address)))


@given(addresses)
def test_an_embedded_address_is_judged_alike(address: ipaddress.IPv4Address) -> None:
    inside = [ipaddress.IPv6Address(prefix + int(address)) for prefix in (0xFFFF << 32, 0x64FF9B << 96)]
    inside.append(ipaddress.IPv6Address(0x2002 << 112 | int(address) << 80 | 1))
    assert all(address in set(equivalent_addresses(found)) for found in inside)
    assert {is_refused(found) for found in inside} == {is_refused(address)}


def is_refused(address: Address) -> bool:
    try:
        STATION.check(address, WEB)
    except AddressRefused:
        return True
    return False


@pytest.mark.parametrize("port", [WEB, SERVICE])
@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "[::1]", "[::ffff:127.0.0.1]", "localhost"])
def test_the_stations_own_ports_are_refused_on_each_address_of_this_machine(host: str, port: int) -> None:
    assert "of the station itself" in refusal(host, port, STATION)


def test_the_stations_own_ports_are_refused_on_the_addresses_of_its_network_cards() -> None:
    own = [
        place.address for places in psutil.net_if_addrs().values() for place in places if place.family == socket.AF_INET
    ]
    assert all("of the station itself" in refusal(address, WEB, STATION) for address in own)


def test_the_same_port_on_another_machine_is_allowed() -> None:
    assert not is_of_this_machine(ipaddress.ip_address("192.0.2.7"))
    assert STATION.resolve("192.0.2.7", WEB).port == WEB


def test_another_port_of_this_machine_is_allowed() -> None:
    assert STATION.resolve("127.0.0.1", 8554).port == 8554


def test_no_setting_opens_the_stations_own_ports() -> None:
    guard = OutgoingGuard(allowed_ranges=["127.0.0.0/8", "127.0.0.1/32"], own_ports=[WEB])
    assert "always refused" in refusal("127.0.0.1", WEB, guard)


def test_the_stations_services_on_other_machines_are_refused_by_name_and_by_address() -> None:
    guard = OutgoingGuard(own_services=[("db.test", 5432)], resolver=Resolver(["192.0.2.5"]))
    assert "of the station itself" in refusal("192.0.2.5", 5432, guard)
    assert "of the station itself" in refusal("db.test", 5432, guard)
    assert guard.resolve("192.0.2.5", 554).port == 554


def test_a_service_on_a_card_of_this_machine_is_refused_on_loopback_too() -> None:
    guard = OutgoingGuard(own_services=[("localhost", 6379)])
    assert "of the station itself" in refusal("127.0.0.9", 6379, guard)


def test_an_allowed_range_overrides_the_built_in_list() -> None:
    guard = OutgoingGuard(allowed_ranges=["169.254.0.0/16"])
    assert guard.resolve("169.254.7.7", 554).port == 554


def test_a_wide_allowed_range_does_not_override_a_narrower_refused_one() -> None:
    assert "cloud metadata" in refusal("169.254.169.254", guard=OutgoingGuard(allowed_ranges=["169.254.0.0/16"]))


def test_of_two_equal_ranges_the_allowed_one_decides() -> None:
    guard = OutgoingGuard(allowed_ranges=["169.254.169.254/32"])
    assert guard.resolve("169.254.169.254", 80).port == 80


def test_all_but_one_network_can_be_refused() -> None:
    guard = OutgoingGuard(refused_ranges=["0.0.0.0/0", "::/0"], allowed_ranges=["192.168.1.0/24"])
    assert guard.resolve("192.168.1.20", 554).port == 554
    assert "network.refused_ranges" in refusal("192.168.2.20", guard=guard)
    assert "network.refused_ranges" in refusal("[2001:db8::1]", guard=guard)
    assert "network.refused_ranges" in refusal("[::ffff:192.168.2.20]", guard=guard)


def test_a_refusal_is_the_same_whether_anything_listens_there(listening: socket.socket) -> None:
    own = port_of(listening)
    guard = OutgoingGuard(own_ports=[own])
    open_port = refusal("127.0.0.1", own, guard)
    listening.close()
    assert refusal("127.0.0.1", own, guard) == open_port


def test_a_name_is_resolved_once_and_the_checked_address_is_used(listening: socket.socket) -> None:
    resolver = Resolver(["127.0.0.1"], ["169.254.169.254"])
    with OutgoingGuard(resolver=resolver).connect("camera.test", port_of(listening), PATIENCE_S) as connection:
        assert connection.getpeername() == listening.getsockname()
    assert resolver.queries == 1


def test_refused_addresses_of_a_name_are_left_out() -> None:
    guard = OutgoingGuard(resolver=Resolver(["169.254.1.1", "192.168.1.20", "192.168.1.20"]))
    assert [str(address) for address in guard.resolve("camera.test", 554).addresses] == ["192.168.1.20"]


def test_a_name_with_only_refused_addresses_is_refused() -> None:
    assert "cloud metadata" in refusal("camera.test", guard=OutgoingGuard(resolver=Resolver(["169.254.169.254"])))


def test_a_link_local_address_with_its_interface_is_judged_as_one() -> None:
    assert "link-local" in refusal("camera.test", guard=OutgoingGuard(resolver=Resolver(["fe80::1%eth0"])))


def test_the_second_address_is_tried_when_the_first_refuses(listening: socket.socket) -> None:
    resolver = Resolver(["127.0.0.2", "127.0.0.1"])
    with OutgoingGuard(resolver=resolver).connect("camera.test", port_of(listening), PATIENCE_S) as connection:
        assert connection.getpeername() == listening.getsockname()


def test_an_unknown_host_is_not_a_refusal() -> None:
    def find_nothing(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(socket.gaierror):
        OutgoingGuard(resolver=find_nothing).resolve("camera.test", 554)


def test_a_guard_is_passed_to_another_process_as_json() -> None:
    guard = OutgoingGuard(["10.0.0.0/8"], ["10.1.0.0/16"], [WEB], [("db.test", 5432)])
    there = OutgoingGuard.of(json.loads(json.dumps(guard.rules())))
    assert there.rules() == guard.rules()
    assert "network.refused_ranges" in refusal("10.2.0.1", guard=there)
    assert there.resolve("10.1.0.1", 554).port == 554


@pytest.mark.parametrize("network", ["10.0.0.1/8", "10.0.0.0/33", "lan", ""])
def test_an_invalid_network_is_an_error(network: str) -> None:
    with pytest.raises(ValueError, match=r"network|host bits"):
        OutgoingGuard(refused_ranges=[network])
