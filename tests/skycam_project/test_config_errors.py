from __future__ import annotations

import pytest

from skycam_project.config import ConfigError, ConfigManager

PORTS = "allowed is a whole number from 1 to 65535."


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("web:\n  port: 99999\n", f"skycam.yaml:2: web.port: 99999 is not allowed; {PORTS}"),
        ("web: {port: yes}", f"skycam.yaml:1: web.port: True is not allowed; {PORTS}"),
        ("web: {port: [1]}", f"skycam.yaml:1: web.port: [1] is not allowed; {PORTS}"),
        (
            "\nlogging:\n  levle: INFO\n",
            (
                "skycam.yaml:3: logging.levle: there is no such key. Did you mean level? "
                "Allowed here: backup_count, file, format, level, max_size."
            ),
        ),
        (
            "web: {port: '${MISSING}'}",
            (
                "skycam.yaml:1: web.port: the variable MISSING is not set. "
                "Set it in the environment or in .env, or write the value here."
            ),
        ),
        (
            "web: {host: '${'}",
            "skycam.yaml:1: web.host: ${ must be followed by a variable's name and }. Write $${ for a literal ${.",
        ),
        (
            "camera_environment: {WEATHER_TOKEN: hidden}",
            "skycam.yaml:1: camera_environment: This value is not allowed; allowed is a list of variable names.",
        ),
        ("web: {tls: !!bool often}", "skycam.yaml:1: web.tls: this value cannot be read; allowed is true or false."),
        (
            "web: {port: !!int ''}",
            "skycam.yaml:1: web.port: this value cannot be read; allowed is a whole number from 1 to 65535.",
        ),
        ("web: {tls: true, tls: false}", "skycam.yaml:1: web.tls: this key is given twice; keep one."),
        (
            "web: {trusted_proxies: [proxy]}",
            (
                "skycam.yaml:1: web.trusted_proxies: ['proxy'] is not allowed; "
                "allowed is a list of IP addresses and networks such as 10.0.0.0/24."
            ),
        ),
        (
            "web: {trusted_proxies: ['*']}",
            (
                "skycam.yaml:1: web.trusted_proxies: With * every client could forge its address and evade "
                "the sign-in limits; name the proxies."
            ),
        ),
        (
            "site: here",
            (
                "skycam.yaml:1: site: this must be a mapping of keys. "
                "Allowed here: elevation, horizon, latitude, longitude, time_zone."
            ),
        ),
        ("web: {port: 1", "skycam.yaml:2: this is not YAML: did not find expected ',' or '}'."),
        ("web: {port: !!python/none x}", f"skycam.yaml:1: web.port: this value cannot be read; {PORTS}"),
        (
            "camera: {type: astro}",
            (
                "skycam.yaml:1: camera.type: astro means an INDI camera, which Skycam does not support yet; "
                "allowed is dslr."
            ),
        ),
        (
            "site: {latitude: 52}",
            "skycam.yaml:1: site.latitude: site.latitude and site.longitude belong together: set both or neither.",
        ),
        (
            "site: {time_zone: Mars/Olympus}",
            "skycam.yaml:1: site.time_zone: 'Mars/Olympus' is not allowed; allowed is a name such as Europe/Berlin.",
        ),
        ("sources: [null]", "skycam.yaml:1: sources: [None] is not allowed; allowed is a list of folders."),
        ("data: ''", "skycam.yaml:1: data: '' is not allowed; allowed is a folder's path."),
        (
            "\nfile_names: '{camera}_{time}'",
            (
                "skycam.yaml:2: file_names: {id} or {id12} is missing; without the capture's id, two pictures could "
                "have one name."
            ),
        ),
        (
            "file_names: '{station}_{id}'",
            (
                "skycam.yaml:1: file_names: {station} is not a field; the fields are {camera}, {time}, {sequence}, "
                "{exposure}, {id}, {id12}."
            ),
        ),
        (
            "web: {port: 8000}",
            "web.port, service.port, files.port and monitoring.prometheus.port must be four different ports.",
        ),
        (
            "camera_environment: [DATABASE_URL]",
            (
                "skycam.yaml:1: camera_environment: Camera processes must not get secrets or the URLs of "
                "database and broker; remove these variables."
            ),
        ),
    ],
)
def test_a_bad_file_is_refused_with_line_key_and_what_is_allowed(problems, document, problem):
    assert problems(document) == [problem]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        (
            "SKYCAM_HSOT",
            "x",
            "environment: SKYCAM_HSOT: there is no such variable. Did you mean SKYCAM_HOST? Allowed here: ",
        ),
        (
            "SKYCAM_SITE__LATITUD",
            "1",
            (
                "environment: SKYCAM_SITE__LATITUD: there is no such variable. Did you mean SKYCAM_SITE__LATITUDE? "
                "Allowed here: SKYCAM_SITE__ELEVATION, SKYCAM_SITE__HORIZON, SKYCAM_SITE__LATITUDE, "
                "SKYCAM_SITE__LONGITUDE, SKYCAM_SITE__TIME_ZONE."
            ),
        ),
        (
            "SKYCAM_WEB__PORT",
            "1",
            "environment: SKYCAM_WEB__PORT: there is no such variable. The variable of this key is WEB_PORT.",
        ),
        ("WEB_PORT", "http", f"environment: WEB_PORT: 'http' is not allowed; {PORTS}"),
        (
            "SKYCAM_HOST",
            "My Host",
            (
                "environment: SKYCAM_HOST: 'My Host' is not allowed; "
                "allowed is 1 to 40 lower-case letters, digits and hyphens."
            ),
        ),
        (
            "DATABASE_URL",
            "mysql://hidden@x/y",
            (
                "environment: DATABASE_URL: Skycam does not support this kind of database; "
                "allowed are sqlite:///FILE and postgresql://USER:PASSWORD@HOST:PORT/NAME."
            ),
        ),
        (
            "REDIS_URL",
            "redis://:hidden@r.example.org/0",
            (
                "environment: REDIS_URL: A Redis on another machine needs a password and TLS: "
                "rediss://:PASSWORD@HOST:PORT/0. Anyone with access to it can control the cameras."
            ),
        ),
        ("SKYCAM_SOURCES", "[1", "environment: SKYCAM_SOURCES: '[1' is not allowed; allowed is a list of folders."),
        (
            "SKYCAM_ADMIN_PASSWORD",
            "hidden",
            "environment: SKYCAM_ADMIN_PASSWORD: This value is not allowed; allowed is 8 to 1000 characters.",
        ),
        (
            "SKYCAM_ADMIN_PASSWORD",
            "hidden" * 1000,
            "environment: SKYCAM_ADMIN_PASSWORD: This value is not allowed; allowed is 8 to 1000 characters.",
        ),
    ],
)
def test_a_bad_variable_is_refused_with_what_is_allowed(problems, name, text, problem):
    (found,) = problems(**{name: text})
    assert found.startswith(problem)
    assert "hidden" not in found


def test_a_bad_line_of_dotenv_is_refused_and_foreign_names_are_ignored(problems):
    assert problems("{}", "OTHER=1\n\n# a word\nWEB_PORT=0\nSKYCAM_CONFIG=x\nexport 'a\n") == [
        ".env:6: this line is not NAME=value.",
        ".env: SKYCAM_CONFIG has no effect here; set it in the environment or use --config.",
        f".env:4: WEB_PORT: '0' is not allowed; {PORTS}",
    ]


def test_all_problems_are_reported_at_once(problems):
    assert len(problems("web: {port: 0, hots: x}\nx: 1", "SKYCAM_X=1", SKYCAM_Y="2", SERVICE_PORT="-1")) == 6


def test_a_value_from_a_variable_is_shown_as_written(problems):
    (found,) = problems("web: {port: '${ANY}'}", "", ANY="hidden")
    assert found == f"skycam.yaml:1: web.port: '${{ANY}}' is not allowed; {PORTS}"


def test_an_invalid_yaml_document_is_not_shown(problems):
    assert "hidden" not in str(problems("web: {secret_key: *hidden}"))


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: this file cannot be read: No such file or directory\."):
        ConfigManager("none.yaml", environment={}, here=tmp_path)


def test_a_binary_file_is_an_error(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00\xd8\x00")
    with pytest.raises(ConfigError, match=r"x\.yaml"):
        ConfigManager("x.yaml", environment={}, here=tmp_path)


def test_listening_on_all_addresses_without_tls_is_accepted_with_a_warning(configure):
    config = configure("web: {host: 0.0.0.0, debug: true}").config
    assert config.web.host == "0.0.0.0"
    assert [notice.code for notice in config.notices] == ["W001", "W003"]
    assert config.warnings[0].startswith("The web server listens on 0.0.0.0 without TLS: ")


@pytest.mark.parametrize("exposed", ["tls: true", "trusted_proxies: [10.0.0.1]", "allowed_hosts: [sky.example.org]"])
def test_debug_pages_are_refused_where_others_reach_the_station(problems, exposed):
    (found,) = problems(f"web: {{debug: true, {exposed}}}")
    assert "Remove web.debug." in found


def test_with_tls_there_is_no_warning(configure):
    assert not configure("web: {host: 0.0.0.0, tls: true}").config.warnings


def test_a_log_that_cannot_be_written_goes_to_the_data_folder_with_a_warning(configure, tmp_path):
    config = configure("logging: {file: no-such-folder/skycam.log}").config
    assert config.logging.file == config.data / "logs" / "skycam.log"
    assert config.warnings == [
        (
            f"The log file {tmp_path}/no-such-folder/skycam.log cannot be written, or cannot be rotated in its folder. "
            "The log is written to <data>/logs/skycam.log instead."
        )
    ]


def test_a_short_secret_key_causes_a_warning(configure):
    assert [notice.code for notice in configure(DJANGO_SECRET_KEY="short").config.notices] == ["W004"]
