"""A real INDI server with its simulators of a telescope, a focuser and a filter wheel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from cameras.drivers.base import SystemClock
from cameras.telescope_status.indi.client import IndiClient, Server
from cameras.telescope_status.indi.source import IndiSource
from cameras.telescope_status.sources import CanPoint, Site, SourceContext, StatusError, create_source
from cameras.telescope_status.status import TelescopeStatus, header_words
from core.outgoing import OutgoingGuard
from tests.harness.far_ends.indi_server import FOCUSER, TELESCOPE, WHEEL, IndiServer
from tests.harness.waiting import PATIENCE_S, eventually

SITE = Site(48.0, 11.0)
HANG_S = 3600.0
"""Longer than a test may take."""
CLOCK = SystemClock()
UNKNOWN_STATUS = "The telescope's status is unknown."
UNKNOWN_WORDS = {"filterna", "filterid", "ha", "tele-ra", "tele-dec", "focus"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndiServer]:
    with IndiServer(tmp_path_factory.mktemp("indi")) as running:
        yield running


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[IndiServer]:
    """One that the test may kill."""
    with IndiServer(tmp_path / "indi") as running:
        yield running


Open = Callable[..., IndiSource]


@pytest.fixture
def open_source() -> Iterator[Open]:
    opened: list[IndiSource] = []

    def open_for(server: IndiServer, guard: OutgoingGuard | None = None, **settings: Any) -> IndiSource:
        devices = {"telescope": TELESCOPE, "focuser": FOCUSER, "filter_wheel": WHEEL}
        context = SourceContext(CLOCK, SITE, guard or OutgoingGuard())
        source = create_source("indi", {"host": server.host, "port": server.port, **devices, **settings}, context)
        assert isinstance(source, IndiSource)
        opened.append(source)
        return source

    yield open_for
    [source.close() for source in opened]


def soon() -> float:
    return CLOCK.monotonic() + PATIENCE_S


def read(source: IndiSource) -> TelescopeStatus:
    return source.read(soon())


def unknown_words(status: TelescopeStatus) -> set[str]:
    return {name for name, word in header_words(status).items() if word == "UNKNOWN"}


def test_the_header_words_are_those_of_the_devices(server: IndiServer, open_source: Open) -> None:
    server.set_property(FOCUSER, "ABS_FOCUS_POSITION", "FOCUS_ABSOLUTE_POSITION", "51234")
    server.set_property(WHEEL, "FILTER_SLOT", "FILTER_SLOT_VALUE", "2")
    source = open_source(server, focus_per_step=0.001)
    words = eventually(lambda: (found := read(source)).is_adjusting is False and header_words(found))
    assert (words["focus"], words["filterna"], words["filterid"]) == ("51.2340", "Green", "2")
    coordinates = [server.get_property(TELESCOPE, "EQUATORIAL_EOD_COORD", name) for name in ("RA", "DEC")]
    assert [float(words["tele-ra"]), float(words["tele-dec"])] == pytest.approx(list(map(float, coordinates)), abs=0.01)
    assert unknown_words(read(source)) == set()


def test_a_change_by_another_client_is_in_the_next_read(server: IndiServer, open_source: Open) -> None:
    source = open_source(server)
    read(source)
    server.set_property(WHEEL, "FILTER_NAME", "FILTER_SLOT_NAME_2", "g prime")
    eventually(lambda: server.get_property(WHEEL, "FILTER_NAME", "FILTER_SLOT_NAME_2") == "g prime")
    server.set_property(WHEEL, "FILTER_SLOT", "FILTER_SLOT_VALUE", "2")
    assert eventually(lambda: read(source).filter_name) == "g prime"


def test_the_header_words_change_while_the_telescope_slews(server: IndiServer, open_source: Open) -> None:
    source = open_source(server)
    assert isinstance(source, CanPoint)
    begin = eventually(lambda: (found := read(source)).is_slewing is False and found)
    ra, dec = (begin.ra + 0.7) % 24, begin.dec - 10.0 if begin.dec > 0 else begin.dec + 10.0
    source.point(ra, dec, soon())
    seen: list[TelescopeStatus] = []

    def has_reached() -> bool:
        seen.append(read(source))
        return seen[-1].is_slewing is False

    eventually(has_reached)
    words = {(one["tele-ra"], one["tele-dec"], one["ha"]) for one in map(header_words, seen)}
    assert len(words) > 2
    assert [one for one in seen[:-1] if not one.is_slewing or one.problem] == []
    assert (seen[-1].ra, seen[-1].dec) == (pytest.approx(ra, abs=0.01), pytest.approx(dec, abs=0.1))


def test_coordinates_move_the_telescope_although_another_client_had_set_sync(
    server: IndiServer, open_source: Open
) -> None:
    source = open_source(server)
    begin = eventually(lambda: (found := read(source)).is_slewing is False and found)
    server.set_property(TELESCOPE, "ON_COORD_SET", "SYNC", "On")
    eventually(lambda: server.get_property(TELESCOPE, "ON_COORD_SET", "SYNC") == "On")
    source.point((begin.ra + 1.0) % 24, 45.0, soon())
    assert read(source).is_slewing is True
    assert server.get_property(TELESCOPE, "ON_COORD_SET", "TRACK") == "On"


def test_a_parked_telescope_is_not_moved(own_server: IndiServer, open_source: Open) -> None:
    source = open_source(own_server)
    own_server.set_property(TELESCOPE, "TELESCOPE_PARK", "PARK", "On")
    eventually(lambda: own_server.get_property(TELESCOPE, "TELESCOPE_PARK", "PARK") == "On")
    eventually(lambda: read(source).is_slewing is False)
    with pytest.raises(StatusError) as error:
        source.point(5.0, 70.0, soon())
    assert str(error.value) == f"The telescope {TELESCOPE} is parked. Unpark it first."
    assert read(source).is_slewing is False


def test_the_focuser_moves_to_a_position_in_the_unit_of_the_header_word(server: IndiServer, open_source: Open) -> None:
    source = open_source(server, focus_per_step=0.001)
    source.focus(52.5, soon())
    assert eventually(lambda: (found := read(source)).is_adjusting is False and found).focus == pytest.approx(52.5)
    assert server.get_property(FOCUSER, "ABS_FOCUS_POSITION", "FOCUS_ABSOLUTE_POSITION") == "52500"


def test_what_a_device_refuses_is_said_in_its_own_words(own_server: IndiServer, open_source: Open) -> None:
    source = open_source(own_server)
    with pytest.raises(StatusError) as error:
        source.focus(1e6, soon())
    assert str(error.value) == (
        f"{FOCUSER} does not accept the command to set ABS_FOCUS_POSITION. [ERROR] Requested position out of bound. "
        "Focus maximum position is 100000"
    )
    found = read(source)
    assert found.focus is None
    assert found.problem == f"The focuser {FOCUSER} reports an error. See the messages of INDI."
    assert unknown_words(found) == {"focus"}


@pytest.mark.parametrize(("name", "slot"), [("Luminance", "8"), ("4", "4")])
def test_a_filter_is_selected_by_its_name_or_its_number(
    name: str, slot: str, server: IndiServer, open_source: Open
) -> None:
    source = open_source(server)
    source.select_filter(name, soon())
    assert eventually(lambda: read(source).filter_id) == slot


def test_a_filter_that_is_not_there_is_refused_with_those_that_are(server: IndiServer, open_source: Open) -> None:
    with pytest.raises(StatusError, match=r"has no filter 'U'; it has Red, .+, Luminance\.$"):
        open_source(server).select_filter("U", soon())


def test_a_device_that_is_not_set_cannot_be_moved(server: IndiServer, open_source: Open) -> None:
    source = open_source(server, telescope="")
    with pytest.raises(StatusError) as error:
        source.point(5.0, 70.0, soon())
    assert str(error.value) == "No telescope is set. Set `telescope` to the name of an INDI device."
    assert read(source).problem == ""
    assert unknown_words(read(source)) == {"ha", "tele-ra", "tele-dec"}


def test_a_wrong_name_is_answered_with_the_devices_that_exist(server: IndiServer, open_source: Open) -> None:
    found = read(open_source(server, telescope="Mount"))
    assert found.problem == (
        f"The INDI server has no telescope Mount. Its devices are: {WHEEL}, {FOCUSER}, {TELESCOPE}. "
        "Correct the setting `telescope`."
    )
    assert (found.ra, found.filter_name is None) == (None, False)


def test_a_device_of_another_kind_is_refused(server: IndiServer, open_source: Open) -> None:
    found = read(open_source(server, focuser=WHEEL))
    assert found.problem == (f"{WHEEL} does not report ABS_FOCUS_POSITION: it is not ready yet, or it is no focuser.")
    assert unknown_words(found) == {"focus"}


def test_a_disconnected_device_is_unknown_until_it_is_connected(own_server: IndiServer, open_source: Open) -> None:
    source = open_source(own_server)
    read(source)
    own_server.disconnect(TELESCOPE)
    found = read(source)
    assert found.problem == (
        f"The telescope {TELESCOPE} is not connected. Connect it in INDI, or set `connect_devices`."
    )
    assert unknown_words(found) == {"ha", "tele-ra", "tele-dec"}
    with pytest.raises(StatusError, match="is not connected"):
        source.point(5.0, 70.0, soon())
    own_server.connect(TELESCOPE)
    assert read(source).problem == ""


def test_devices_are_connected_if_the_setting_says_so(own_server: IndiServer, open_source: Open) -> None:
    source = open_source(own_server, connect_devices=True)
    own_server.disconnect(TELESCOPE)
    assert read(source).problem == f"The telescope {TELESCOPE} is not connected. It is being connected."
    eventually(lambda: read(source).problem == "")


def test_a_killed_server_is_noticed(own_server: IndiServer, open_source: Open) -> None:
    source = open_source(own_server)
    assert read(source).problem == ""
    own_server.kill()
    found = read(source)
    assert found.problem == (
        f"{UNKNOWN_STATUS} The INDI server {own_server.host}:{own_server.port} cannot be reached (Connection refused). "
        "Check that it runs, and the settings `host` and `port`."
    )
    assert unknown_words(found) == UNKNOWN_WORDS


def test_a_restarted_server_is_read_again(own_server: IndiServer, open_source: Open) -> None:
    source = open_source(own_server)
    read(source)
    own_server.kill()
    own_server.start()
    assert read(source).problem == ""
    own_server.kill()
    assert read(source).ra is None
    own_server.start()
    assert eventually(lambda: read(source).problem == "")


def test_a_frozen_server_is_noticed(own_server: IndiServer, open_source: Open) -> None:
    source = open_source(own_server, answer_s=1.0)
    read(source)
    own_server.freeze()
    found = read(source)
    own_server.thaw()
    assert found.problem == (
        f"{UNKNOWN_STATUS} The INDI server {own_server.host}:{own_server.port} has not answered in time. "
        "Check that it and its drivers run."
    )
    assert unknown_words(found) == UNKNOWN_WORDS
    assert eventually(lambda: read(source).problem == "")


def test_a_read_ends_at_its_deadline(own_server: IndiServer) -> None:
    server = Server(own_server.host, own_server.port, OutgoingGuard(), answer_s=HANG_S)
    client = IndiClient(server, {TELESCOPE: []}, [])
    own_server.freeze()
    with pytest.raises(StatusError):
        client.read(time.monotonic() + 0.3)
    own_server.thaw()
    client.close()


def test_the_guard_of_connections_is_obeyed(server: IndiServer, open_source: Open) -> None:
    found = read(open_source(server, OutgoingGuard(own_ports=[server.port])))
    assert found.problem == (
        f"{UNKNOWN_STATUS} The address of the INDI server {server.host}:{server.port} leads to a port of the station "
        "itself, which is always refused. Give another one."
    )


def test_many_reads_use_one_connection_and_leave_nothing_open(server: IndiServer, open_source: Open) -> None:
    process = psutil.Process()
    before = process.num_fds(), process.num_threads()
    source = open_source(server)
    read(source)
    opened = connections_to(server)
    assert [read(source).problem for _ in range(20)] == [""] * 20
    assert connections_to(server) == opened
    assert process.num_threads() <= before[1]
    source.close()
    assert process.num_fds() <= before[0]


def connections_to(server: IndiServer) -> list[Any]:
    return [one for one in psutil.Process().net_connections() if one.raddr and one.raddr.port == server.port]


def test_a_source_needs_a_device() -> None:
    with pytest.raises(StatusError, match="must name a telescope, a focuser or a filter_wheel"):
        create_source("indi", {}, SourceContext(CLOCK))
