"""The PixeLink service in the configuration, also with the variable names of the replaced service."""

from __future__ import annotations

import pytest

from skycam_project.config.redaction import secrets_of
from skycam_project.launch.parts import parts_to_start
from tests.harness.stations.pixelink_service import DOTENV

TOKEN = "a-token-for-programs"


def test_the_dotenv_of_the_replaced_service_loads(configure, tmp_path):
    config = configure(None, DOTENV).config
    service = config.service
    assert service.port == 8001
    assert service.camera_serial_number == ""
    assert service.default_exposure == 100_000
    assert service.default_gain == 1.0
    assert service.image_format == "jpg"
    assert service.image_quality == 95
    assert service.image_save_path == tmp_path / "captures"
    assert service.allowed_origins == ["http://localhost:3000", "http://localhost:5173"]


def test_without_a_token_it_stays_on_loopback_with_a_warning(configure):
    config = configure(None, DOTENV).config
    assert config.service.host == "0.0.0.0"
    assert config.service.listens_on == "127.0.0.1"
    assert [notice.code for notice in config.notices] == ["W006"]


def test_with_a_token_it_listens_on_its_configured_host(configure):
    config = configure(None, DOTENV, SERVICE_TOKEN=TOKEN).config
    assert config.service.listens_on == "0.0.0.0"
    assert config.warnings == []


def test_the_replaced_services_debug_and_host_reach_no_other_part(configure):
    config = configure(None, DOTENV).config
    assert config.web.debug is False
    assert config.web.host == "127.0.0.1"
    assert config.web.port == 8080


def test_names_that_other_programs_use_are_read_only_from_dotenv(configure):
    config = configure(None, "", PORT="9000", HOST="machine", DEBUG="1").config
    assert config.service.port == 8001
    assert config.service.host == "127.0.0.1"


@pytest.mark.parametrize("dotenv", ["PORT=9001\nSERVICE_PORT=9002\n", "SERVICE_PORT=9002\nPORT=9001\n"])
def test_the_keys_own_name_takes_precedence(configure, dotenv):
    manager = configure(None, dotenv)
    assert manager.config.service.port == 9002
    assert manager.origin(("service", "port")).endswith("SERVICE_PORT")


def test_the_environment_takes_precedence_over_the_dotenv(configure):
    assert configure(None, "PORT=9001\n", SERVICE_PORT="9003").config.service.port == 9003


def test_the_token_is_a_secret(configure):
    manager = configure(None, "", SERVICE_TOKEN=TOKEN)
    assert TOKEN in secrets_of(manager.config)
    assert TOKEN not in str(manager.show())
    assert TOKEN not in repr(manager.config)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("SERVICE_TOKEN", "hidden", "This value is not allowed; allowed is at least 16 letters"),
        ("ALLOWED_ORIGINS", "*", "The origin * would open the camera to every page"),
        ("ALLOWED_ORIGINS", "localhost:3000", "allowed is a list of origins such as http://localhost:3000"),
        ("DEFAULT_EXPOSURE", "0.1", "allowed is a whole number of microseconds from 1 to 3600000000"),
        ("IMAGE_FORMAT", "png", "allowed is jpg or jpeg"),
        ("SERVICE_TIMEOUT", "30", "allowed is a whole number from 1000 to 60000"),
    ],
)
def test_a_bad_value_is_refused_with_what_is_allowed(problems, name, text, message):
    (found,) = problems(None, "", **{name: text})
    assert message in found
    assert "hidden" not in found


def test_a_bad_value_of_a_replaced_services_variable_is_reported_with_its_line(problems):
    assert problems(None, "\nPORT=none\n") == [
        ".env:2: PORT: 'none' is not allowed; allowed is a whole number from 1 to 65535."
    ]


def test_the_service_can_be_disabled(configure):
    assert "service" in parts_to_start(configure().config, None)
    assert "service" not in parts_to_start(configure("service: {enabled: false}").config, None)
