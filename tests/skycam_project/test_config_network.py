"""The configuration's rules for outgoing connections, as the guard applies them."""

from __future__ import annotations

import pytest

from core.outgoing import AddressRefused

OWN_PORTS = [8080, 8002, 8001, 8000]


def refuses(config, host, port):
    with pytest.raises(AddressRefused) as error:
        config.outgoing.resolve(host, port)
    return str(error.value)


@pytest.mark.parametrize("port", OWN_PORTS)
def test_the_stations_own_ports_are_refused(configure, port):
    assert "of the station itself" in refuses(configure().config, "127.0.0.1", port)


def test_the_refused_ports_are_the_configured_ones(configure):
    config = configure(WEB_PORT="9090", SERVICE_PORT="9001").config
    assert "of the station itself" in refuses(config, "127.0.0.1", 9090)
    assert "of the station itself" in refuses(config, "127.0.0.1", 9001)
    assert config.outgoing.resolve("127.0.0.1", 8080).port == 8080


@pytest.mark.parametrize(
    ("variables", "host", "port"),
    [
        ({"REDIS_URL": "redis://127.0.0.1:7777/0"}, "127.0.0.1", 7777),
        ({"REDIS_URL": "redis://localhost"}, "127.0.0.1", 6379),
        ({"REDIS_URL": "rediss://:secret@192.0.2.7:7777/0"}, "192.0.2.7", 7777),
        ({"DATABASE_URL": "postgresql://me:secret@192.0.2.8/skycam?sslmode=require"}, "192.0.2.8", 5432),
        ({"DATABASE_URL": "postgresql://me:secret@localhost:7432/skycam"}, "127.0.0.1", 7432),
    ],
)
def test_broker_and_database_are_refused_wherever_they_are(configure, variables, host, port):
    assert "of the station itself" in refuses(configure(**variables).config, host, port)


def test_a_socket_and_a_file_are_no_ports(configure, tmp_path):
    config = configure(REDIS_URL="unix:///run/redis.sock", DATABASE_URL=f"postgresql:///skycam?host={tmp_path}").config
    assert sorted(config.outgoing.rules()["own_ports"]) == sorted(OWN_PORTS)
    assert config.outgoing.rules()["own_services"] == []


def test_ranges_are_refused_and_allowed(configure):
    config = configure("network: {refused_ranges: [10.0.0.0/8], allowed_ranges: [10.1.0.0/16, 169.254.0.0/16]}").config
    assert "network.refused_ranges" in refuses(config, "10.2.0.1", 554)
    assert config.outgoing.resolve("10.1.0.1", 554).port == 554
    assert config.outgoing.resolve("169.254.7.7", 554).port == 554


def test_ranges_are_given_by_the_environment_too(configure):
    config = configure(SKYCAM_NETWORK__REFUSED_RANGES="10.0.0.0/8,fd00::/8").config
    assert "network.refused_ranges" in refuses(config, "[fd00::1]", 554)


@pytest.mark.parametrize("network", ["lan", "10.0.0.1/8", "10.0.0.0/33", "''"])
def test_an_invalid_network_is_refused_with_what_is_allowed(problems, network):
    (problem,) = problems(f"network: {{allowed_ranges: [{network}]}}")
    assert problem.endswith("allowed is a list of networks such as 10.0.0.0/8 or fd00::/8.")
