"""Each of the ten broken states, made on a real station: all surfaces say what the table of health.md says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from skycam_project.launch import restart
from skycam_project.launch.restart_events import HEALTH_EVERY_S
from tests.harness.browsers.site import signed_in
from tests.harness.disks.small_disk import SmallDisk
from tests.harness.documents.pages import section
from tests.harness.far_ends.webhook_receiver import WebhookReceiver, receiving, status
from tests.harness.kills.crash_loop import SOON, killed_on_each_start, looping
from tests.harness.postgresql import own_server, server_away
from tests.harness.stations.command_line import run
from tests.harness.stations.damage import damaged_table
from tests.harness.stations.http_client import Answer, HttpClient
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

pytestmark = pytest.mark.slow
PING_S = 10.0
SIZE = "3g"
"""Of its disks: with less than 1 GB free a disk is nearly full."""
SURFACES = ("/healthz", "/readyz", "health/", "doctor", "alert", "page", "ping")
NOT_STORED = "cannot be stored"
NO_PING = "no ping"


def documented() -> dict[str, dict[str, str]]:
    """State -> surface -> its cell of the table."""
    lines = re.findall(r"^\| (.*) \|$", section("docs/operating/health.md", "Ten broken states"), re.MULTILINE)
    rows = [line.split(" | ") for line in lines[1:]]
    return {state: dict(zip(SURFACES, cells, strict=True)) for state, *cells in rows}


TABLE = documented()


class Surfaces:
    """What each surface of a station says, in the form of the table's cells."""

    def __init__(self, station: Station, switch: WebhookReceiver) -> None:
        self.station, self._switch = station, switch
        self._http = HttpClient(station.port)
        cookies = signed_in(f"http://127.0.0.1:{station.port}")
        self._cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
        self._healthy = self.broken_checks()

    def healthz(self) -> str:
        return cell(self._http.request("GET", "/healthz"), [])

    def readyz(self) -> str:
        answer = self._http.request("GET", "/readyz")
        return cell(answer, answer.body["problems"])

    def health(self) -> str:
        answer = self.station.api.call("GET", "health/")
        return cell(answer, answer.body.get("problems") or [answer.body.get("type", "")])

    def doctor(self) -> str:
        """Without what this machine has broken anyway, such as a missing library."""
        return names(self.broken_checks() - self._healthy)

    def broken_checks(self) -> set[str]:
        found = json.loads(run(self.station.data, "--output", "json", "doctor", **self.station.environment).stdout)
        return {check["check"] for check in found["checks"] if check["state"] == "broken"}

    def open_alerts(self) -> list[str]:
        rows = self.station.database.rows("SELECT key FROM monitoring_alert WHERE state = 'open'")
        return [f"`{key.replace(':main', ':<host>')}`" for (key,) in rows]

    def page(self) -> Answer:
        return self._http.request("GET", "/status/", Cookie=self._cookie)

    def said_on_the_page(self) -> int:
        """How many problems the page counts."""
        found = re.search(r"(\d+) problem", self.page().body)
        return int(found[1]) if found else 0

    def forget_pings(self) -> None:
        self._switch.received.clear()

    def ping(self) -> str:
        """What the newest ping reports."""
        bodies = [one.body.decode() for one in self._switch.received]
        return names(bodies[-1].removeprefix("main: ").split(", ")) if bodies else NO_PING


def names(found: Any) -> str:
    return " ".join(f"`{name}`" for name in sorted(found) if name)


def cell(answer: Answer, found: Any) -> str:
    return f"{answer.status} {names(found)}".strip()


@contextmanager
def observed(station: Station, switch: WebhookReceiver) -> Iterator[Surfaces]:
    try:
        station.up_with_camera()
        yield Surfaces(station, switch)
    finally:
        station.ensure_stopped()


@pytest.fixture(scope="module")
def switch() -> Iterator[WebhookReceiver]:
    with receiving(status(200)) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, SmallDisk]]:
    """That of the data folder with the database, and that of the captures."""
    with ExitStack() as stack:
        found = {name: SmallDisk(tmp_path_factory.mktemp(name), SIZE) for name in ("data", "captures")}
        for disk in found.values():
            stack.callback(disk.close)
        found["data"].path.chmod(0o700)
        yield found


def variables(switch: WebhookReceiver) -> dict[str, str]:
    pings = {"URL": switch.url, "INTERVAL_S": str(PING_S), "REPORT_FAILURE": "true"}
    return SOON | {f"SKYCAM_MONITORING__DEAD_MAN_SWITCH__{name}": value for name, value in pings.items()}


@pytest.fixture(scope="module")
def on_sqlite(switch: WebhookReceiver, disks: dict[str, SmallDisk], broker: Broker) -> Iterator[Surfaces]:
    places = {"REDIS_URL": f"unix://{broker.socket}", "SKYCAM_STORAGE_ROOT": str(disks["captures"].path)}
    station = Station(disks["data"].path, **places, **variables(switch))
    with observed(station, switch) as surfaces:
        yield surfaces


@pytest.fixture
def on_postgresql(switch: WebhookReceiver, tmp_path: Path) -> Iterator[Surfaces]:
    with (
        own_server() as address,
        observed(Station(tmp_path / "data", DATABASE_URL=address, **variables(switch)), switch) as surfaces,
    ):
        yield surfaces


Request = pytest.FixtureRequest


@contextmanager
def damaged(request: Request) -> Iterator[Surfaces]:
    surfaces: Surfaces = request.getfixturevalue("on_sqlite")
    station = surfaces.station
    station.stop()
    with damaged_table(station.database.file, "captures_capture"):
        station.up_with_camera()
        yield surfaces
        station.stop()
    station.up_with_camera()


@contextmanager
def locked(request: Request) -> Iterator[Surfaces]:
    surfaces: Surfaces = request.getfixturevalue("on_sqlite")
    with surfaces.station.database.locked():
        yield surfaces


@contextmanager
def away(request: Request) -> Iterator[Surfaces]:
    surfaces: Surfaces = request.getfixturevalue("on_postgresql")
    with server_away(surfaces.station.environment["DATABASE_URL"]):
        yield surfaces


def full(disk: str) -> Callable[[Request], AbstractContextManager[Surfaces]]:
    @contextmanager
    def make(request: Request) -> Iterator[Surfaces]:
        surfaces: Surfaces = request.getfixturevalue("on_sqlite")
        found: SmallDisk = request.getfixturevalue("disks")[disk]
        found.shrink()
        try:
            yield surfaces
        finally:
            found.grow(SIZE)

    return make


@contextmanager
def unmounted(request: Request) -> Iterator[Surfaces]:
    surfaces: Surfaces = request.getfixturevalue("on_sqlite")
    disk: SmallDisk = request.getfixturevalue("disks")["captures"]
    disk.unmount()
    try:
        yield surfaces
    finally:
        disk.mount()


@contextmanager
def without_broker(request: Request) -> Iterator[Surfaces]:
    surfaces: Surfaces = request.getfixturevalue("on_sqlite")
    broker: Broker = request.getfixturevalue("broker")
    with broker.gone():
        yield surfaces


def looping_part(part: str) -> Callable[[Request], AbstractContextManager[Surfaces]]:
    @contextmanager
    def make(request: Request) -> Iterator[Surfaces]:
        surfaces: Surfaces = request.getfixturevalue("on_sqlite")
        with killed_on_each_start(surfaces.station, part):
            looping(surfaces.station, part)
            yield surfaces
        restart(surfaces.station.config, part)

    return make


MADE: dict[str, Callable[[Request], AbstractContextManager[Surfaces]]] = {
    "The database is damaged": damaged,
    "Another program keeps the database locked": locked,
    "The database is away (PostgreSQL)": away,
    "The disk of the database is full": full("data"),
    "The disk of the captures is full": full("captures"),
    "The storage root is not mounted": unmounted,
    "The broker is away": without_broker,
    "The camera host is in a crash loop": looping_part("worker"),
    "The jobs part is in a crash loop": looping_part("jobs"),
    "The beat part is in a crash loop": looping_part("beat"),
}


def test_the_table_has_these_ten_states() -> None:
    assert list(TABLE) == list(MADE)
    assert len(TABLE) == 10


QUICKLY_MADE = (
    "The storage root is not mounted",
    "The jobs part is in a crash loop",
)
"""A long run makes the others too: each takes a minute or more of a busy machine."""


@pytest.fixture(params=[pytest.param(one, marks=[] if one in QUICKLY_MADE else [pytest.mark.prove]) for one in MADE])
def state(request: Request) -> str:
    return str(request.param)


@pytest.fixture
def broken(state: str, request: Request) -> Iterator[Surfaces]:
    """A station that was well, in this state."""
    with MADE[state](request) as surfaces:
        surfaces.forget_pings()
        yield surfaces
    eventually(lambda: surfaces.readyz() == "200", surfaces.readyz)


def test_all_surfaces_of_a_broken_station_say_what_is_documented(state: str, broken: Surfaces) -> None:
    expected = TABLE[state]
    for surface, said in {
        "/healthz": broken.healthz,
        "/readyz": broken.readyz,
        "health/": broken.health,
        "doctor": broken.doctor,
        "page": lambda: str(broken.page().status),
        "ping": broken.ping,
    }.items():
        eventually(partial(says, said, expected[surface]), said, takes_s=PING_S)
    eventually(lambda: is_open(broken, expected["alert"]), broken.open_alerts, takes_s=HEALTH_EVERY_S)


def says(said: Callable[[], str], expected: str) -> bool:
    return said() in expected.split(" or ")


def is_open(broken: Surfaces, alert: str) -> bool:
    """Nothing is known of one that cannot be stored: the database may be away."""
    return alert == NOT_STORED or alert in broken.open_alerts()


def test_the_page_has_each_problem_of_health(on_sqlite: Surfaces, disks: dict[str, SmallDisk]) -> None:
    disks["captures"].unmount()
    try:
        eventually(lambda: on_sqlite.said_on_the_page() == 1, lambda: on_sqlite.page().body)
        assert "is not mounted, or its marker" in on_sqlite.page().body
        [[sentence]] = on_sqlite.station.api.get("health/")["problems"].values()
        assert "is not mounted, or its marker" in sentence
    finally:
        disks["captures"].mount()
