from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from skycam_project.config import ConfigManager
from tests.harness.configurations import Configure
from tests.harness.runs.examples import examples

SEED = Path(__file__).parent / "data" / "skycam.yaml"
ports = st.none() | st.integers(1024, 7000).map(str)
several_times = examples(40)


def test_nothing_needs_to_be_configured(configure, tmp_path):
    config = configure().config
    assert config.data == tmp_path / "skycam-data"
    assert config.host == "main"
    assert config.web.port == 8080
    assert config.service.port == 8001
    assert config.monitoring.prometheus.port == 8000
    assert config.web.host == "127.0.0.1"
    assert config.camera.exposure_time == 8.0
    assert config.camera.f_number == 1.4
    assert config.camera.delay == 12.0
    assert config.sources == [tmp_path / "skycam-data" / "sources"]
    assert config.storage_root == tmp_path / "skycam-data" / "images"
    assert config.logging.file == tmp_path / "skycam-data" / "logs" / "skycam.log"
    assert not config.warnings
    assert not config.camera_given


def test_the_documented_file_loads(tmp_path):
    config = ConfigManager(SEED, environment={}, here=tmp_path).config
    assert config.camera.kind == "gphoto2"
    assert config.camera_given
    assert config.storage_root == Path("/home/skycam/images")
    assert config.logging.max_size == 10_000_000
    assert config.web.host == "0.0.0.0"
    assert config.monitoring.grafana.dashboard_path == SEED.parent / "dashboards" / "skycam.json"
    assert len(config.web.secret_key) >= 50


def test_the_documented_environment_loads(configure, tmp_path):
    manager = configure(
        None,
        "DJANGO_SECRET_KEY=your-secret-key\nDATABASE_URL=sqlite:///db.sqlite3\nREDIS_URL=redis://localhost:6379/0\n"
        "PROMETHEUS_PORT=8000\nWEB_PORT=8080\nCAMERA_PORT=usb:001,004\n",
    )
    assert manager.config.database_url == f"sqlite:///{tmp_path}/db.sqlite3"
    assert manager.config.camera.port == "usb:001,004"
    assert manager.config.web.secret_key == "your-secret-key"
    assert not manager.config.camera_given


@several_times
@given(document=ports, dotenv=ports, environment=ports)
def test_a_later_layer_takes_precedence(configure, document, dotenv, environment):
    manager = configure(
        f"web: {{port: {document or 'null'}}}", f"WEB_PORT={dotenv or ''}\n", WEB_PORT=environment or ""
    )
    assert manager.config.web.port == int(environment or dotenv or document or 8080)


@several_times
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_variable_is_expanded_literally(configure, text):
    manager = configure("web: {secret_key: 'a${ANY}b$${c}'}", "", ANY=text)
    assert manager.config.web.secret_key == f"a{text}b${{c}}"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("SKYCAM_SUPERVISION__HEALTHY_S", "3", lambda config: config.supervision.healthy_s == 3.0),
        ("SKYCAM_SITE__TIME_ZONE", "Europe/Berlin", lambda config: config.site.time_zone == "Europe/Berlin"),
        ("SKYCAM_SOURCES", "/a:/b", lambda config: config.sources == [Path("/a"), Path("/b")]),
        ("SKYCAM_SOURCES", '["/a:b"]', lambda config: config.sources == [Path("/a:b")]),
        ("SKYCAM_WEB__ALLOWED_HOSTS", "a.org, b.org", lambda config: config.web.allowed_hosts == ["a.org", "b.org"]),
        ("SKYCAM_WEB__TLS", "true", lambda config: config.web.tls),
        ("SKYCAM_LOGGING__MAX_SIZE", "2kB", lambda config: config.logging.max_size == 2000),
        ("SKYCAM_ADMIN_PASSWORD", "12345678", lambda config: config.admin_password == "12345678"),
        ("SKYCAM_STATION", "north", lambda config: config.station.id == "north"),
    ],
)
def test_each_key_has_its_variable(configure, name, text, value):
    assert value(configure(**{name: text}).config)


def test_a_camera_exists_only_when_one_is_configured(configure):
    assert configure("camera: {exposure_time: 4}").config.camera_given
    assert not configure("camera:\n", CAMERA_PORT="usb:001,004").config.camera_given


def test_relative_paths_start_from_the_folder_of_their_file(configure, tmp_path):
    config = configure("storage_root: pictures\n", "SKYCAM_SOURCES=videos\n", DATABASE_URL="sqlite:///a%20b.db").config
    assert config.storage_root == tmp_path / "pictures"
    assert config.sources == [tmp_path / "videos"]
    assert config.database_url == f"sqlite:///{tmp_path}/a%20b.db"


def test_dotenv_is_read_beside_the_yaml_file_and_another_one_causes_a_warning(configure, tmp_path):
    configure("{}", "WEB_PORT=9001\n")
    here = tmp_path / "elsewhere"
    here.mkdir()
    (here / ".env").write_text("WEB_PORT=9002\n")
    config = ConfigManager(tmp_path / "skycam.yaml", environment={}, here=here).config
    assert config.web.port == 9001
    (warning,) = config.warnings
    assert warning.startswith("The .env in the current folder is not read. With a YAML file, ")


def test_a_dotenv_that_is_not_read_causes_a_warning_also_if_it_is_wrong(configure, tmp_path):
    configure("{}")
    here = tmp_path / "elsewhere"
    here.mkdir()
    (here / ".env").write_text("SKYCAM_SITE__LATTITUDE=48.1\n")
    (warning,) = ConfigManager(tmp_path / "skycam.yaml", environment={}, here=here).config.warnings
    assert f"{tmp_path}/.env is read. Move it there." in warning


def test_keys_that_both_files_set_cause_one_warning_that_says_which_file_counts(configure, tmp_path):
    text = "SKYCAM_SITE__LATITUDE=48.1\nSKYCAM_SITE__LONGITUDE=11.6\nWEB_PORT=9001\n"
    config = configure("site: {latitude: 1, longitude: 2}\n", text).config
    assert config.site.latitude == 48.1
    (warning,) = config.warnings
    assert warning == (
        f"{tmp_path}/.env counts and {tmp_path}/skycam.yaml does not, where both set a key: site.latitude, "
        "site.longitude. Set each of them in one of the two."
    )


def test_the_file_may_be_named_in_the_environment(tmp_path):
    (tmp_path / "other.yaml").write_text("web: {port: 9003}")
    manager = ConfigManager(environment={"SKYCAM_CONFIG": "other.yaml"}, here=tmp_path)
    assert manager.config.web.port == 9003
    assert manager.origin(("web", "port")) == f"{tmp_path}/other.yaml:1: web.port"


def test_a_written_configuration_reads_back_unchanged(configure, tmp_path):
    manager = configure(
        "web: {port: 9004, secret_key: 0123456789}\nlogging: {max_size: 5MB}\nsources: ['/a${']".replace("${", "$${")
    )
    manager.write(tmp_path / "written.yaml")
    written = yaml.safe_load((tmp_path / "written.yaml").read_text())
    assert written == {
        "sources": ["/a$${"],
        "logging": {"max_size": 5_000_000},
        "web": {"port": 9004, "secret_key": "${DJANGO_SECRET_KEY}"},
    }
    again = ConfigManager(tmp_path / "written.yaml", environment={"DJANGO_SECRET_KEY": "0123456789"}, here=tmp_path)
    assert again.config == manager.config


def test_no_secret_is_shown(configure):
    manager = configure(
        DJANGO_SECRET_KEY="hidden1",
        DATABASE_URL="postgresql://me:hid%40den2@db.example.org/sky?sslmode=require",
        REDIS_URL="rediss://:hidden3@r.example.org/0?sslpassword=hidden4",
        SKYCAM_ADMIN_PASSWORD="hidden-5",
    )
    shown = f"{manager.show()} {manager.config!r} {manager.config.web!r}"
    assert manager.show()["database_url"] == "postgresql://me:********@db.example.org/sky?sslmode=require"
    assert "hid" not in shown.replace("hidden_", "")


@pytest.mark.parametrize("yaml", ["station: north", "station: {id: north}"])
def test_the_id_of_a_station_may_be_written_short(configure: Configure, yaml: str) -> None:
    assert configure(yaml).config.station.id == "north"


def test_a_station_has_the_name_that_it_was_given(configure: Configure) -> None:
    assert configure("station: {name: ' Roof  and dome '}").config.station.name == "Roof and dome"


@pytest.mark.parametrize(
    ("machine", "name"), [("dome.example.org", "dome"), ("3b45f3518829", "Skycam"), ("localhost", "Skycam")]
)
def test_a_station_without_a_name_has_the_machines_name_or_skycam(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, machine: str, name: str
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: machine)
    assert configure().config.station.name == name
