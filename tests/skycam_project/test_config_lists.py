"""The lists of cameras, sensors and schedules in YAML: their values, and what is said of wrong ones."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from cameras.drivers import DRIVERS
from skycam_project.config import CameraConfig, SkycamConfig
from skycam_project.config.redaction import secrets_of
from tests.harness.configurations import Configure, Problems

LISTS = """
cameras:
  - {id: dome, type: dslr, settings: {iso: 800, keep_on_card: true}, name: null}
  - {id: gate, type: network, address: "rtsp://guest:${GATE}@camera.example.org/live", restricted: true}
sensors:
  - {name: roof, type: simulated, sampling_interval: 1 min, settings: {humidity: 40}}
schedules:
  - name: Dark sky
    cameras: [dome]
    window: {begin: 20:00, end: 05:00}
    programme: {f_number: null, exposure_us: 8000000}
    first_night: 2027-03-01
"""
TYPES = "dslr, gphoto2, network, opencv, pixelink, simulated, telescope"
ALLOWED = (
    "Allowed here: address, audience, enabled, fits_compression, host, id, keep, name, primary, recording, restricted, "
    "settings, type."
)
KINDS = ", ".join(DRIVERS)
CAMERA = "cameras:\n- id: sky\n  type: simulated\n"
SCHEDULE = "schedules:\n- name: Dark\n  cameras: [sky]\n"


def test_the_lists_are_read(configure: Configure) -> None:
    config = configure(LISTS, GATE="a-password").config
    dome, gate = config.cameras
    assert (dome.kind, dome.name, dome.settings) == ("gphoto2", "", {"iso": 800, "keep_on_card": True})
    assert (gate.address, gate.restricted) == ("rtsp://guest:a-password@camera.example.org/live", True)
    assert [(sensor.name, sensor.type, sensor.sampling_interval) for sensor in config.sensors] == [
        ("roof", "simulated", 60)
    ]
    [dark] = config.schedules
    assert dark.window == {"begin": "20:00", "end": "05:00"}
    assert dark.programme == {"f_number": None, "exposure_us": 8_000_000}
    assert dark.first_night == date(2027, 3, 1)


def test_the_password_in_an_address_is_shown_and_logged_nowhere(configure: Configure) -> None:
    manager = configure(LISTS, GATE="a-password")
    assert "a-password" not in f"{manager.show()} {manager.config!r}"
    assert "a-password" in secrets_of(manager.config)


def test_a_written_configuration_has_the_lists_and_no_secret(configure: Configure, tmp_path: Path) -> None:
    manager = configure(LISTS.replace("${GATE}", "a-password"))
    manager.config.to_yaml(tmp_path / "written.yaml")
    written = (tmp_path / "written.yaml").read_text()
    assert "rtsp://guest:${PASSWORD_OF_GATE}@camera.example.org/live" in written
    assert configure(written, PASSWORD_OF_GATE="a-password").config == manager.config


def test_a_secret_in_a_gate_is_written_as_a_reference(configure: Configure, tmp_path: Path) -> None:
    gate = (
        "gates: [{name: rain-2, source: {http: 'https://w.example.org/?token=hidden-1', "
        "headers: {X-Key: hidden-2}}, unsafe_above: 1}]"
    )
    configure(gate).config.to_yaml(tmp_path / "written.yaml")
    written = (tmp_path / "written.yaml").read_text()
    assert "hidden" not in written
    again = configure(written, GATE_RAIN_2_HTTP="https://w.example.org", GATE_RAIN_2_X_KEY="hidden-2").config
    assert again.gates[0].source.headers == {"X-Key": "hidden-2"}


@pytest.mark.parametrize(
    "source",
    [
        "{http: 'https://w.example.org/?appid=hidden-1'}",
        "{http: 'https://w.example.org/?pwd=hidden-1'}",
        "{http: 'https://w.example.org/?station=${STATION}&token=hidden-1'}",
        "{http: 'https://w.example.org/', headers: {Authorization: 'Bearer ${STATION} hidden-1'}}",
        "{http: 'https://w.example.org/', headers: {Authorization: '$${hidden-1'}}",
    ],
)
def test_a_secret_beside_a_reference_is_written_nowhere(configure: Configure, tmp_path: Path, source: str) -> None:
    camera = "cameras: [{id: gate, type: network, address: 'rtsp://${STATION}:hidden-1@camera.example.org/live'}]"
    manager = configure(f"gates: [{{name: rain, source: {source}, unsafe_above: 1}}]\n{camera}", STATION="s-1")
    manager.config.to_yaml(tmp_path / "written.yaml")
    assert "hidden" not in (tmp_path / "written.yaml").read_text()


def test_a_file_is_read_by_itself_and_creates_nothing(tmp_path: Path) -> None:
    (tmp_path / "skycam.yaml").write_text("web: {port: 9005}\ncamera: {exposure_time: 1/50 s}\n")
    (tmp_path / ".env").write_text("WEB_PORT=9006\n")
    config = SkycamConfig.from_yaml(tmp_path / "skycam.yaml")
    assert (config.web.port, config.camera.exposure_time) == (9005, 0.02)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "skycam.yaml"]


def test_a_configuration_made_by_a_program_is_written(tmp_path: Path) -> None:
    config = SkycamConfig(camera=CameraConfig(exposure_time=4), host="dome")
    config.to_yaml(tmp_path / "made.yaml")
    assert (tmp_path / "made.yaml").read_text() == "host: dome\ncamera:\n  exposure_time: 4.0\n"
    read = SkycamConfig.from_yaml(tmp_path / "made.yaml")
    assert (read.host, read.camera) == ("dome", config.camera)


def test_a_camera_may_be_in_the_list_beside_defaults_of_sessions(configure: Configure) -> None:
    assert configure("camera: {exposure_time: 4}\ncameras: [{id: dslr, type: dslr}]").config.cameras[0].id == "dslr"


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("cameras: [{id: sky}]", ":1: cameras.1: type is missing."),
        (
            "cameras: [{id: sky, type: astro}]",
            f":1: cameras.1.type: astro means an INDI camera, which Skycam does not support yet; allowed is {TYPES}.",
        ),
        ("cameras: [{id: sky, type: webcam}]", f":1: cameras.1.type: 'webcam' is not allowed; allowed is {TYPES}."),
        (
            "cameras: [{id: Sky, type: dslr}]",
            (
                ":1: cameras.1.id: A camera's id is 1 to 40 lower-case letters, digits and hyphens, and begins and "
                "ends with a letter or digit."
            ),
        ),
        (
            "cameras: [{id: detect, type: dslr}]",
            ":1: cameras.1.id: A camera cannot be called detect: that is a route.",
        ),
        (CAMERA + "  enabled: maybe\n", ":4: cameras.1.enabled: 'maybe' is not allowed; allowed is true or false."),
        (
            CAMERA + "- {id: dome, type: [dslr]}\n",
            f":4: cameras.2.type: ['dslr'] is not allowed; allowed is dslr, {KINDS}.",
        ),
        (
            CAMERA + "  port: 1\n",
            f":4: cameras.1.port: there is no such key. {ALLOWED}",
        ),
        (CAMERA + "  settings: {fps: 1, fps: 2}\n", ":4: cameras.1.settings.fps: this key is given twice; keep one."),
        (
            SCHEDULE + "  window: {sun: -18}\n  programme: {cycle: [{exposure_us: 1, exposure_us: 2}]}\n",
            ":5: schedules.1.programme.cycle.1.exposure_us: this key is given twice; keep one.",
        ),
        (
            CAMERA + "- {id: sky, type: dslr}",
            ":2: cameras: items 1 and 2 of cameras have the same id 'sky'; give each its own.",
        ),
        (
            CAMERA + "  primary: true\n- {id: dome, type: dslr, primary: true}",
            ":2: cameras: sky and dome are both primary; at most one camera is.",
        ),
        (CAMERA + "  address: 'rtsp://[x'\n", ":4: cameras.1.address: Invalid IPv6 URL"),
        ("cameras: sky", ":1: cameras: 'sky' is not allowed; allowed is a list of cameras."),
        (
            "cameras: {id: sky, type: network, address: 'rtsp://a:hidden@camera.example.org'}",
            ":1: cameras: This value is not allowed; allowed is a list of cameras.",
        ),
        (
            "cameras: rtsp://a:hidden@camera.example.org",
            ":1: cameras: This value is not allowed; allowed is a list of cameras.",
        ),
        ("cameras: [sky]", f":1: cameras.1: this must be a mapping of keys. {ALLOWED}"),
        (SCHEDULE, ":2: schedules.1: window is missing."),
        (
            SCHEDULE + "  window: {sun: -18}\n  priority: 1000\n",
            ":5: schedules.1.priority: 1000 is not allowed; allowed is a whole number from -100 to 100.",
        ),
        (
            SCHEDULE + "  window: {sun: -18}\n- {name: DARK, cameras: [sky], window: {sun: -18}}",
            ":2: schedules: items 1 and 2 of schedules have the same name 'dark'; give each its own.",
        ),
        (
            "sensors: [{name: roof, type: simulated}, {name: roof, type: simulated}]",
            ":1: sensors: items 1 and 2 of sensors have the same name 'roof'; give each its own.",
        ),
        (
            "sensors: [{name: roof, type: simulated, baud_rate: 1}]",
            ":1: sensors.1.baud_rate: 1 is not allowed; allowed is a whole number from 50 to 4000000.",
        ),
        (
            "camera: {port: /dev/ttyUSB0}",
            (
                ":1: camera.port: /dev/ttyUSB0 is a device file, and a DSLR has none. Write its serial number, its USB "
                "port such as usb:001,004, or leave it empty for the first camera; `skycam cameras detect` lists them."
            ),
        ),
    ],
)
def test_a_wrong_item_is_refused_with_its_line_and_key(problems: Problems, document: str, problem: str) -> None:
    assert problems(document) == [f"skycam.yaml{problem}"]


def test_the_first_camera_is_described_once(problems: Problems) -> None:
    [problem] = problems("camera: {type: dslr}\ncameras: [{id: dslr, type: dslr}]")
    assert problem.startswith("The camera dslr is described twice, by camera.type and by the list cameras. Remove")


BOMB = "".join(f"  a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 10))


@pytest.mark.parametrize(
    "document", [CAMERA + "  settings: &own {again: *own}\n", f"cameras:\n- id: &a0 x\n{BOMB}"], ids=["itself", "bomb"]
)
def test_an_anchor_that_never_ends_is_refused(problems: Problems, document: str) -> None:
    assert problems(document) == ["skycam.yaml: this file has more than 100000 values, or an anchor inside itself."]
