"""Cameras of every kind at one station: each has its own process, and killing one costs the others nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.far_ends.network.rtsp import RtspServer
from tests.harness.far_ends.pixelink.build import SERIAL, Sdk
from tests.harness.scenarios.dslrs import Desk, DslrStation
from tests.harness.stations.cameras import hexed
from tests.harness.waiting import eventually

EVERYWHERE = {"status": True, "refusal": True, "page": True, "command line": True}
KINDS = ["simulated", "east", "west", "microscope", "yard"]
YARD = pytest.param("yard", marks=pytest.mark.promise("network"))


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DslrStation]:
    """Two DSLRs, a PixeLink camera, a network camera and the simulated one."""
    folder: Path = tmp_path_factory.mktemp("kinds")
    desk, sdk = Desk(folder / "desk"), Sdk(folder / "sdk")
    station = DslrStation(folder / "data", **desk.environment, **sdk.environment)
    with RtspServer() as server:
        try:
            station.with_cameras()
            add(station, "microscope", "pixelink", SERIAL)
            add(station, "yard", "network", server.address)
            yield station
        finally:
            station.ensure_stopped()


def add(station: DslrStation, slug: str, kind: str, address: str) -> None:
    assert station.api.post("cameras/", {"slug": slug, "kind": kind, "address": address}).status == 201
    station.cameras.eventually_ready(slug)


@pytest.fixture(scope="module")
def sessions(station: DslrStation) -> dict[str, str]:
    """A session on each camera, with a capture every two seconds, which a slow machine can keep up with."""
    running = {slug: station.cameras.start_session(slug, exposure_us=10_000, cadence_s=2.0) for slug in KINDS}
    eventually(lambda: all(saved(station, session) >= 2 for session in running.values()), "all of them capture")
    return running


def outcomes(station: DslrStation, session: str) -> list[tuple[str, str]]:
    question = "SELECT status, reason FROM captures_capture WHERE session_id = ? AND status != 'planned'"
    return station.database.rows(question, hexed(session))  # type: ignore[return-value]


def saved(station: DslrStation, session: str) -> int:
    return outcomes(station, session).count(("saved", ""))


def lost(station: DslrStation, session: str) -> tuple[list[tuple[str, str]], int]:
    """The outcomes that are not saved, and the number of captures in gaps. A busy machine may overrun a start."""
    question = "SELECT sum(count) FROM captures_sessiongap WHERE session_id = ? AND reason != 'overrun'"
    gaps = station.database.rows(question, hexed(session))
    return [found for found in outcomes(station, session) if found != ("saved", "")], gaps[0][0] or 0


def test_all_kinds_are_on_one_dashboard(station: DslrStation, sessions: dict[str, str]) -> None:
    page = station.page("/")
    assert [slug for slug in KINDS if slug not in page.lower()] == []


@pytest.mark.parametrize("killed", [*KINDS[:-1], YARD])
def test_the_others_lose_nothing_when_the_process_of_one_is_killed(
    killed: str, station: DslrStation, sessions: dict[str, str]
) -> None:
    before = {slug: lost(station, sessions[slug]) for slug in KINDS}
    pid = station.cameras.pid(killed)
    os.kill(pid, signal.SIGKILL)
    station.cameras.pid(killed, other_than=pid)
    count = saved(station, sessions[killed])
    eventually(lambda: saved(station, sessions[killed]) >= count + 2, f"{killed} goes on")
    assert [slug for slug in KINDS if slug != killed and lost(station, sessions[slug]) != before[slug]] == []
    assert {reason for _, reason in lost(station, sessions[killed])[0]} <= {"interrupted", "camera_crashed"}


def test_a_wrong_password_is_reported_everywhere_until_the_right_one_is_saved(station: DslrStation) -> None:
    with RtspServer(login="me:sesame-open") as server:
        shown = f"rtsp://me:***@127.0.0.1:{server.port}/live"
        wrong, right = server.with_login("me:wrong-one@"), server.with_login("me:sesame-open@")
        assert station.api.post("cameras/", {"slug": "gate", "kind": "network", "address": wrong}).status == 201
        message = "The camera refuses the name or the password. Save the camera's address with the right ones."
        assert station.reported_everywhere("gate", message) == EVERYWHERE
        saved = station.api.call("PATCH", "cameras/gate/", {"address": right})
        assert saved.status == 200
        assert saved.body["address"] == shown
        station.cameras.eventually_ready("gate")
        assert station.cameras.saved_capture("gate")["status"] == "saved"
