"""Detecting cameras and setting faults of a simulated one on the command line, over a real broker."""

from __future__ import annotations

import pytest
import redis

from cameras.models import Camera
from captures.models import Session
from tests.harness.far_ends.camera_host import camera_host, found, host_with
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db


def test_detected_cameras_are_shown_with_their_users(empty_broker: redis.Redis, sim: Camera) -> None:
    with camera_host(empty_broker, host_with(found("3001"), found("3002", camera="sim"))):
        shown = skycam("cameras", "detect")
    assert shown.exit_code == 0
    assert "3001" in shown.stdout
    assert "sim" in shown.stdout


@pytest.mark.parametrize(("wanted", "slug"), [("3001", "nikon-dsc-d750"), ("north=3001", "north")])
def test_a_discovered_camera_is_added_with_one_option(empty_broker: redis.Redis, wanted: str, slug: str) -> None:
    with camera_host(empty_broker, host_with(found("3001"))):
        added = answer("cameras", "detect", "--add", wanted)
    assert added["slug"] == slug
    assert added["kind"] == "gphoto2"
    assert added["address"] == "3001"
    assert added["host"] == "main"


def test_a_detected_camera_is_added_with_the_given_name(empty_broker: redis.Redis) -> None:
    with camera_host(empty_broker, host_with(found("3001"))):
        assert answer("cameras", "detect", "--add", "north=3001", "--name", "North wall")["name"] == "North wall"


def test_an_existing_or_missing_camera_is_not_added(empty_broker: redis.Redis, sim: Camera) -> None:
    with camera_host(empty_broker, host_with(found("3002", camera="sim"))):
        again = skycam("cameras", "detect", "--add", "3002")
        absent = skycam("cameras", "detect", "--add", "3009")
    assert "3002 is already added as the camera sim." in again.stderr
    assert "No camera was found at 3009." in absent.stderr
    assert again.exit_code == 2
    assert absent.exit_code == 1
    assert Camera.objects.count() == 1


def test_faults_are_enabled_in_addition_to_enabled_ones(empty_broker: redis.Redis, sim: Camera) -> None:
    with camera_host(empty_broker, {"faults": {"faults": {"slow": 5.0}}}) as commands:
        body = answer("cameras", "faults", "sim", "--set", "crash", "--set", "temperature=-7.5", "--set", "disconnect")
    assert body == {"camera": "sim", "faults": {"slow": 5.0}}
    faults = {"slow": 5.0, "crash": 1, "temperature": -7.5, "disconnect": True}
    assert [command["arguments"].get("faults") for command in commands] == [None, faults]


def test_faults_are_cleared(empty_broker: redis.Redis, sim: Camera) -> None:
    with camera_host(empty_broker, {"faults": {"faults": {}}}) as commands:
        shown = skycam("cameras", "faults", "sim", "--clear")
    assert "sim has no fault enabled." in shown.stdout
    assert [command["arguments"].get("faults") for command in commands] == [{}]


@pytest.mark.parametrize("wrong", ["flood", "slow=-1", "hang=often"])
def test_a_fault_that_does_not_exist_is_a_usage_error(empty_broker: redis.Redis, sim: Camera, wrong: str) -> None:
    with camera_host(empty_broker, {"faults": {"faults": {}}}):
        assert skycam("cameras", "faults", "sim", "--set", wrong).exit_code == 2


def test_host_is_gone_moves_a_camera_from_an_absent_host(empty_broker: redis.Redis, sim: Camera) -> None:
    session = Session.objects.create(camera=sim, programme={}, state="running")
    refused = skycam("cameras", "set", "sim", "--host", "barn")
    moved = skycam("cameras", "set", "sim", "--host", "barn", "--host-is-gone")
    session.refresh_from_db()
    assert refused.exit_code == 4
    assert "--host-is-gone" in refused.stderr
    assert moved.exit_code == 0
    assert session.state == "failed"
    assert "sim is now on barn. Data that main still holds is ingested there when it returns." in moved.stderr
