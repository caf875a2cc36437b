"""What programs do with a station over its client."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import islice
from pathlib import Path
from uuid import uuid4

import pytest

from captures.capturing.requests import CaptureRequest
from skycam_client import AsyncClient, Client, Invalid, NotFound, NotSignedIn
from skycam_project.resources import RESOURCES
from tests.harness.stations.station import Station


def test_a_capture_is_saved_and_downloaded(client: Client, camera: str, tmp_path: Path) -> None:
    capture = client.captures.take(camera, exposure_us=1000, note="first light")
    assert (capture.status, capture.note, capture.camera) == ("saved", "first light", camera)
    assert capture.started is not None
    assert capture.started.tzinfo is not None
    file = client.captures.download(capture, tmp_path)
    assert file == tmp_path / capture.files[0].filename
    assert sha256(file.read_bytes()).hexdigest() == capture.sha256
    assert client.captures.thumbnail(capture, 320).startswith(b"\xff\xd8")


def test_the_fields_of_a_request_may_be_its_model(client: Client, camera: str) -> None:
    assert client.captures.take(camera, CaptureRequest(exposure_us=2000)).asked == {"exposure_us": 2000}


def test_all_pages_of_a_list_are_read(client: Client, camera: str) -> None:
    taken = [client.captures.take(camera, exposure_us=1000).id for _ in range(3)]
    found = [capture.id for capture in client.captures.list(camera=camera, limit=2)]
    assert found[:3] == taken[::-1]


def test_a_list_asks_for_no_page_that_is_not_read(client: Client, camera: str) -> None:
    client.captures.take(camera, exposure_us=1000)
    assert len([*islice(client.captures.list(camera=camera, limit=1), 1)]) == 1


def test_the_same_key_twice_makes_one_capture(client: Client, camera: str) -> None:
    key = str(uuid4())
    first, second = (client.captures.take(camera, exposure_us=1000, idempotency_key=key) for _ in range(2))
    assert first.id == second.id


def test_a_row_of_a_resource_is_added_listed_acted_on_and_removed(client: Client) -> None:
    window = client.maintenance_windows.add(subject="balcony", duration_s=3600, reason="New cable")
    assert window.from_ < datetime.now(UTC) < window.to
    assert window in [*client.maintenance_windows.list()]
    ended = client.maintenance_windows.act("end", window.id)
    assert not ended.running
    client.maintenance_windows.remove(window.id)
    assert window.id not in [one.id for one in client.maintenance_windows.list()]


def test_a_row_of_a_resource_is_changed(client: Client) -> None:
    rule = client.alert_rules.add(name="hot", kind="reading_above", subject="balcony:t", threshold=30)
    changed = client.alert_rules.change(rule.name, threshold=31)
    assert changed.threshold == 31
    assert client.alert_rules.show("hot") == changed
    client.alert_rules.remove("hot")


@pytest.mark.parametrize("resource", sorted(name for name in RESOURCES if name != "users"))
def test_each_resource_is_listed_by_its_name(client: Client, resource: str) -> None:
    assert isinstance([*client.rows(resource).list()], list)


def test_what_a_resource_does_not_have_is_said_before_a_request(client: Client) -> None:
    with pytest.raises(ValueError, match=r"There is no show of a maintenance window\. There is list, add"):
        client.maintenance_windows.show("any")
    with pytest.raises(KeyError, match="has no resource moons"):
        client.rows("moons")
    with pytest.raises(KeyError, match="users have no routes"):
        client.rows("users")


def test_a_session_is_started_paused_resumed_and_stopped(client: Client, camera: str) -> None:
    session = client.sessions.start(camera, exposure_s=0.001, cadence_s=60)
    assert session.forecast.exposure_us == 1000
    assert client.sessions.pause(session.id).desired == "paused"
    assert client.sessions.resume(session.id).desired == "running"
    assert client.sessions.stop(session.id).state == "stopped"
    assert session.id in [one.id for one in client.sessions.list(camera=camera)]


def test_an_experiment_has_an_account(client: Client, camera: str) -> None:
    experiment = client.experiments.add(name="Dew on mirror 3", cameras=[camera], record=False)
    assert client.experiments.act("start", experiment.id).state == "running"
    account = client.experiments.account(experiment.id)
    assert [one.camera for one in account.cameras] == [camera]
    assert client.experiments.act("complete", experiment.id).state == "completed"


def test_a_camera_is_shown_with_its_status(client: Client, camera: str) -> None:
    assert client.cameras.show(camera).slug == camera
    assert client.cameras.status(camera)["observed"] == "ready"
    assert client.cameras.control(camera, "take", for_s=60)["held_by"] == "admin"
    client.cameras.control(camera, "release")


def test_readings_and_archives_are_listed(client: Client) -> None:
    recent = client.readings.get(quantity="temperature", from_=datetime.now(UTC) - timedelta(minutes=5))
    assert (recent.source, recent.complete) == ("raw", True)
    assert [*client.archives.list()] == []


def test_live_pictures_come_one_after_another(client: Client, camera: str) -> None:
    first, second = islice(client.live.pictures(camera, "low"), 2)
    assert first.jpeg.startswith(b"\xff\xd8")
    assert first.number < second.number
    assert first.captured <= second.captured
    assert first.simulated
    assert client.live.picture(camera).startswith(b"\xff\xd8")


def test_a_wrong_field_has_its_sentence(client: Client, camera: str) -> None:
    with pytest.raises(Invalid, match="exposure_us") as caught:
        client.captures.take(camera, exposure_us=-1)
    assert [error.field for error in caught.value.errors] == ["exposure_us"]
    assert caught.value.errors[0].message in str(caught.value)


def test_what_is_not_there_and_who_is_not_signed_in_are_told_apart(client: Client, plain_station: Station) -> None:
    with pytest.raises(NotFound):
        client.captures.show(uuid4())
    with Client(f"http://127.0.0.1:{plain_station.port}", "wrong") as stranger, pytest.raises(NotSignedIn):
        stranger.captures.show(uuid4())


def test_an_id_of_a_program_leads_to_no_other_route(client: Client) -> None:
    with pytest.raises(NotFound):
        client.captures.show("../cameras")


async def test_an_async_client_takes_downloads_and_lists(
    async_client: AsyncClient, camera: str, tmp_path: Path
) -> None:
    capture = await async_client.captures.take(camera, exposure_us=1000)
    file = await async_client.captures.download(capture, tmp_path / "moon.jpg")
    assert sha256(file.read_bytes()).hexdigest() == capture.sha256
    assert capture.id in [one.id async for one in async_client.captures.list(camera=camera)]


async def test_an_async_client_gets_live_pictures(async_client: AsyncClient, camera: str) -> None:
    async for picture in async_client.live.pictures(camera):
        assert picture.jpeg.startswith(b"\xff\xd8")
        break
