"""A serial port is no address of a DSLR: the same sentence in the file, the API, the page and on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cameras.models import Camera
from skycam_project.config import ConfigError, SkycamConfig
from tests.harness.clients.pages import described, text_of
from tests.harness.stations.command_line import skycam

SENTENCE = (
    "/dev/ttyUSB0 is a device file, and a DSLR has none. Write its serial number, its USB port such as usb:001,004, or "
    "leave it empty for the first camera; `skycam cameras detect` lists them."
)
NEW = {"slug": "dslr", "kind": "gphoto2", "address": "/dev/ttyUSB0"}


def test_the_file_refuses_it(tmp_path: Path) -> None:
    (tmp_path / "skycam.yaml").write_text("camera: {type: dslr, port: /dev/ttyUSB0}")
    with pytest.raises(ConfigError) as caught:
        SkycamConfig.from_yaml(tmp_path / "skycam.yaml")
    assert caught.value.problems == [f"{tmp_path}/skycam.yaml:1: camera.port: {SENTENCE}"]


def test_the_api_refuses_it(manager: Any) -> None:
    answer = manager.post("/api/v1/cameras/", NEW, format="json")
    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"field": "address", "message": SENTENCE}]


def test_the_page_refuses_it(manager: Any) -> None:
    page = text_of(manager.post("/cameras/", {**NEW, "name": "", "host": "main"}, format="multipart"))
    assert described(page, "add-address") == SENTENCE.replace("`", "")
    assert not Camera.objects.exists()


@pytest.mark.django_db
def test_the_command_line_refuses_it() -> None:
    found = skycam("cameras", "add", "dslr", "--kind", "gphoto2", "--address", "/dev/ttyUSB0")
    assert (found.exit_code, found.stderr) == (2, f"skycam: address: {SENTENCE}\n")
