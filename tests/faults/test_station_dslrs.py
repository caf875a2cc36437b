"""Two DSLRs at a whole station: pulled out, replugged elsewhere, taken by a file manager, hung in the library."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image

from tests.harness.far_ends.gphoto2_port.build import control
from tests.harness.scenarios.dslrs import EAST, FILE_MANAGER, WEST, Desk, DslrStation
from tests.harness.waiting import eventually

LADDER = ["abort", "reconnect", "kill"]
EVERYWHERE = {"status": True, "refusal": True, "page": True, "command line": True}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def station(desk: Desk) -> Iterator[DslrStation]:
    station = DslrStation(desk.folder / "data", SKYCAM_SUPERVISION__MARGIN_S="2", **desk.environment)
    try:
        yield station.with_cameras()
    finally:
        station.ensure_stopped()


@pytest.fixture(autouse=True)
def both_there(station: DslrStation, desk: Desk) -> Iterator[None]:
    """Each test starts with both cameras on their ports. They take a picture each: a status of "ready" may still be
    about the port of the test before."""
    yield
    control(desk.folder, "")
    desk.plug_cameras(EAST, WEST)
    for slug in ("east", "west"):
        eventually(lambda slug=slug: captures(station, slug), f"{slug} takes a picture")


def captures(station: DslrStation, slug: str) -> bool:
    return station.cameras.capture(slug, exposure_us=10_000).status == 201


def test_each_slug_has_the_camera_of_its_serial_number(station: DslrStation) -> None:
    assert [station.status_of_camera(slug)["serial"] for slug in ("east", "west")] == ["6012345", "6012346"]


def test_battery_and_card_are_in_status_command_line_and_page(station: DslrStation) -> None:
    eventually(lambda: station.status_of_camera("east")["battery_percent"], "the battery")
    statuses = [station.status_of_camera("east"), station.command_line_status("east")]
    assert [(status["battery_percent"], status["card_free_bytes"]) for status in statuses] == [(77, 32_000_000_000)] * 2
    page = station.page("/cameras/east/")
    assert "east: battery 77 %, 32.0 GB free on its card" in station.status_text()
    assert "Battery 77 %" in page
    assert "Free on its card 32 GB" in page


@pytest.mark.promise("dslr")
def test_raw_and_jpeg_are_two_files_of_one_capture(station: DslrStation) -> None:
    capture = station.cameras.saved_capture("east", iso=800, exposure_us=10_000, format="raw+jpeg")
    assert [file["kind"] for file in capture["files"]] == ["raw", "jpeg"]
    assert capture["iso"] == 800
    assert capture["exposure_us"] == 10_000
    assert capture["serial"] == "6012345"


def test_the_thumbnail_of_a_raw_file_is_its_embedded_picture(station: DslrStation) -> None:
    capture = station.cameras.saved_capture("east", exposure_us=10_000, format="raw")
    assert [file["kind"] for file in capture["files"]] == ["raw"]
    thumbnail = Image.open(io.BytesIO(station.fetch_picture(f"captures/{capture['id']}/thumbnail/?size=320")))
    assert thumbnail.size == (320, 212)


@pytest.mark.promise("dslr")
def test_an_unplugged_camera_is_reported_everywhere_and_resumes_on_another_port(
    station: DslrStation, desk: Desk
) -> None:
    desk.plug_cameras(WEST)
    gone = "No camera has the serial number 6012345; attached are Nikon DSC D750 at usb:001,005 (in use by Skycam)."
    assert station.reported_everywhere("east", gone) == EVERYWHERE
    assert station.cameras.saved_capture("west")["status"] == "saved"
    desk.plug_cameras(WEST, "usb:002,017 6012345")
    station.cameras.eventually_ready("east")
    assert station.cameras.saved_capture("east")["serial"] == "6012345"


def test_a_camera_held_by_a_file_manager_is_reported_everywhere_and_comes_back_once_it_is_stopped(
    station: DslrStation, desk: Desk
) -> None:
    desk.plug_cameras(WEST)
    station.wait_for_reason("east", "No camera has the serial number 6012345")
    with desk.claimed("usb:001,009") as pid:
        desk.plug_cameras(WEST, "usb:001,009 6012345")
        held = f"The camera at usb:001,009 is held by another process, probably {FILE_MANAGER} (pid {pid}; stop it with"
        assert station.reported_everywhere("east", held) == EVERYWHERE
    station.cameras.eventually_ready("east")
    assert station.cameras.saved_capture("east")["status"] == "saved"


def steps_of(station: DslrStation, camera: str) -> list[str]:
    return [event["step"] for event in station.database.events("camera.ladder", camera)]


def triples(steps: list[str]) -> list[list[str]]:
    return [steps[at : at + 3] for at in range(len(steps))]


def hung_in_a_session(station: DslrStation, desk: Desk) -> tuple[str, list[str]]:
    """A session that resumed after its camera hung in libgphoto2's capture(); how the other camera's captures ended
    meanwhile."""
    session = station.cameras.start_session("east", exposure_us=10_000, cadence_s=0.5)
    eventually(lambda: station.api.get(f"sessions/{session}/")["saved"] >= 2, "the session runs")
    control(desk.folder, "hang capture once usb:001,004")
    eventually(lambda: not (desk.folder / "control").exists(), "the camera hangs")
    beside = [station.cameras.saved_capture("west", exposure_us=10_000)["status"] for _ in range(5)]
    eventually(lambda: station.api.get(f"sessions/{session}/")["gaps"], "the gap")
    saved = station.api.get(f"sessions/{session}/")["saved"]
    eventually(lambda: station.api.get(f"sessions/{session}/")["saved"] >= saved + 2, "the session goes on")
    return session, beside


def test_a_session_whose_camera_hangs_goes_on_and_records_what_was_lost_and_why(
    station: DslrStation, desk: Desk
) -> None:
    session, beside = hung_in_a_session(station, desk)
    station.api.post("cameras/east/stop/")
    station.spools.eventually_settled()
    body = station.api.get(f"sessions/{session}/")
    failed = station.api.get(f"captures/?session={session}&status=failed")["results"]
    hung = "The camera hung while exposing; its process was killed."
    # Somewhere among the steps: a busy machine may abort a later exposure.
    eventually(lambda: LADDER in triples(steps_of(station, "east")), lambda: steps_of(station, "east"))
    assert beside == ["saved"] * 5
    assert hung in [one["message"] for one in failed if one["reason"] == "camera_hung"]
    assert ("camera_hung", hung) in [(gap["reason"], gap["message"]) for gap in body["gaps"]]
    assert sum(gap["count"] for gap in body["gaps"]) == body["skipped"] > 0
    assert body["planned"] == body["saved"] + body["failed"] + body["skipped"]
    assert hung in station.page(f"/sessions/{session}/")


def test_live_pictures_are_sent_while_someone_watches(station: DslrStation) -> None:
    assert Image.open(io.BytesIO(station.fetch_picture("cameras/west/frame.jpg"))).size == (640, 424)


def test_after_all_the_ledger_adds_up(station: DslrStation) -> None:
    station.spools.eventually_settled()
    assert station.spools.inconsistencies() == []
