"""Servers that answer an INDI client badly: a read ends, needs little memory, and says what is wrong."""

from __future__ import annotations

import itertools
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from random import Random

import pytest

from cameras.drivers.base import SystemClock
from cameras.telescope_status.sources import Site, SourceContext, create_source
from cameras.telescope_status.status import TelescopeStatus
from tests.harness.far_ends.scripted_indi import ScriptedIndi, defined, slowly
from tests.harness.waiting import PATIENCE_S

DEADLINE_S = 2.0
MB = 1024 * 1024
CLOCK = SystemClock()
NEVER = threading.Event()

ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><message device="&b;"/>'
DEVICES = "".join(defined(f"device {number}", "CONNECTION", CONNECT="On") for number in range(300)).encode()
PROPERTIES = "".join(defined("M", f"property {number}", a="b") for number in range(300)).encode()
COORDINATES = (defined("M", "EQUATORIAL_EOD_COORD", RA="5", DEC="1") * 300).encode()


def silence() -> Iterator[bytes]:
    yield b""
    NEVER.wait(PATIENCE_S)


def noise() -> Iterator[bytes]:
    random = Random(1)
    return (random.randbytes(1000) for _ in itertools.count())


STREAMS: dict[str, Callable[[], Iterator[bytes]]] = {
    "nothing": silence,
    "an end": lambda: iter([b""]),
    "noise": noise,
    "a web page": lambda: iter([b"HTTP/1.1 400 Bad Request\r\n\r\n<html><body><p>No.</body></html>"]),
    "entities": lambda: iter([ENTITIES]),
    "an endless tag": lambda: itertools.chain([b'<message text="'], itertools.repeat(b"a" * 10_000)),
    "an endless text": lambda: itertools.chain([b"<message>"], itertools.repeat(b"a" * 10_000)),
    "endless elements": lambda: itertools.repeat(b"<a>" * 1000),
    "endless devices": lambda: itertools.repeat(DEVICES),
    "endless properties": lambda: itertools.repeat(PROPERTIES),
    "endless coordinates": lambda: itertools.repeat(COORDINATES),
    "slow bytes": lambda: slowly(b'<message device="M" message="Wait."/>', 0.01, NEVER),
}


@pytest.fixture(params=STREAMS)
def server(request: pytest.FixtureRequest) -> Iterator[ScriptedIndi]:
    with ScriptedIndi(STREAMS[request.param]) as running:
        yield running


def reads(server: ScriptedIndi) -> list[TelescopeStatus]:
    """Three reads: each ends although the server may go on for ever."""
    settings = {"host": "127.0.0.1", "port": server.port, "telescope": "M", "answer_s": 0.5}
    source = create_source("indi", settings, SourceContext(CLOCK, Site(48.0, 11.0)))
    found = [source.read(CLOCK.monotonic() + DEADLINE_S) for _ in range(3)]
    source.close()
    return found


def test_a_bad_server_gives_unknown_values(server: ScriptedIndi) -> None:
    tracemalloc.start()
    found = reads(server)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(one.ra, one.dec, one.ha) for one in found] == [(None, None, None)] * 3
    assert [one.problem for one in found if not 20 < len(one.problem) < 3000] == []
    assert peak < 8 * MB


@pytest.mark.parametrize("name", ["noise", "a web page", "an end"])
def test_a_server_that_always_fails_is_tried_less_and_less(name: str) -> None:
    with ScriptedIndi(STREAMS[name]) as server:
        settings = {"host": "127.0.0.1", "port": server.port, "telescope": "M", "answer_s": 0.5}
        source = create_source("indi", settings, SourceContext(CLOCK, Site(48.0, 11.0)))
        problems = {source.read(CLOCK.monotonic() + DEADLINE_S).problem for _ in range(100)}
        assert all(problem.startswith("The telescope's status is unknown. The INDI server") for problem in problems)
        # The pauses grow to ten seconds. Without them there would be a hundred.
        assert len(server.connections) <= 10
