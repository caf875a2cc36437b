"""DATABASE_URL and REDIS_URL."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skycam_project.config.database import (
    celery_broker,
    check_database_url,
    check_redis_url,
    django_database,
    parse,
    resolve_sqlite_path,
    socket_url,
)
from tests.harness.runs.examples import examples

any_text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)
several_times = examples(100)


@several_times
@given(user=any_text, password=any_text, name=any_text.filter(lambda text: "/" not in text), port=st.integers(1, 65535))
def test_any_password_survives_its_encoding(user, password, name, port):
    url = (
        f"postgresql://{quote(user, '')}:{quote(password, '')}@db.example.org:{port}/{quote(name, '')}?sslmode=require"
    )
    found = parse(url)
    assert found["USER"] == user
    assert found["PASSWORD"] == password
    assert found["NAME"] == name
    assert found["HOST"] == "db.example.org"
    assert found["PORT"] == str(port)
    assert found["OPTIONS"]["sslmode"] == "require"


@several_times
@given(rubbish=st.text(max_size=60) | any_text.map("postgresql://{}".format) | any_text.map("sqlite:///{}".format))
def test_any_url_is_accepted_or_refused_with_a_sentence(rubbish):
    assert refusal(rubbish) in {None, "."}


def refusal(url: str) -> str | None:
    """The message that refuses `url`; None when it is accepted."""
    try:
        check_database_url(url)
    except ValueError as error:
        return str(error)[-1]
    return None


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("postgres://u@[::1]:5432/sky", "::1"),
        ("postgresql://%2FRun%2Fpostgresql/sky", "/Run/postgresql"),
        ("postgresql:///sky?host=/run/postgresql", "/run/postgresql"),
        ("postgresql:///sky", ""),
    ],
)
def test_a_host_may_be_an_address_or_the_folder_of_a_socket(url, host):
    assert parse(url)["HOST"] == host


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://u:hidden@h/n", "Skycam does not support this kind of database"),
        ("", "Skycam does not support this kind of database"),
        ("sqlite://db", "SQLite needs a file"),
        ("sqlite:///", "SQLite needs a file"),
        ("sqlite:///:memory:", "SQLite needs a file"),
        ("sqlite:///db?mode=ro", "SQLite needs a file"),
        ("postgresql://u:hidden@h", "A PostgreSQL URL must end with the name of one database"),
        ("postgresql://u:12/hidden@h", "A PostgreSQL URL must end with the name of one database"),
        ("postgresql://u:hidden@h:port/n", "This URL cannot be parsed"),
        ("postgresql://[u:hidden@h/n", "This URL cannot be parsed"),
        ("postgresql://h/n?password=hidden", "1 option(s) after the ? are unknown"),
    ],
)
def test_a_bad_database_is_refused_without_showing_it(url, sentence):
    with pytest.raises(ValueError, match=r"\.$") as caught:
        check_database_url(url)
    assert str(caught.value).startswith(sentence)
    assert "hidden" not in str(caught.value)


def test_a_relative_file_starts_from_the_folder_of_the_configuration():
    assert resolve_sqlite_path("sqlite:///a/../db%3F", Path("/x y")) == "sqlite:////x%20y/db%3F"
    assert parse("sqlite:////x%20y/db%3F")["NAME"] == "/x y/db?"
    assert resolve_sqlite_path("sqlite:////db", Path("/x")) == "sqlite:////db"
    assert resolve_sqlite_path("sqlite:///", Path("/x")) == "sqlite:///"


def test_connections_persist_and_are_checked():
    found = django_database(None, Path("/data"))
    assert found["NAME"] == "/data/skycam.sqlite3"
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert found["CONN_MAX_AGE"] is None
    assert found["CONN_HEALTH_CHECKS"] is True


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost:6379/0",
        "redis://127.0.0.2",
        "redis://[::1]:6379",
        "rediss://:p@r.example.org:6380/0",
        "unix:///run/redis.sock?db=1",
    ],
)
def test_a_private_redis_is_accepted(url):
    assert check_redis_url(url) == url


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://localhost", "This is not a URL of Redis or Valkey"),
        ("redis://", "This is not a URL of Redis or Valkey"),
        ("redis://localhost:port", "This URL cannot be parsed"),
        ("unix://run/redis.sock", "The path of a socket must be absolute"),
        ("redis://r.example.org", "A Redis on another machine needs a password and TLS"),
        ("redis://:hidden@r.example.org", "A Redis on another machine needs a password and TLS"),
        ("rediss://r.example.org", "A Redis on another machine needs a password and TLS"),
        (
            "rediss://:hidden@r.example.org?ssl_cert_reqs=none",
            "The certificate of a Redis on another machine must be verified",
        ),
    ],
)
def test_an_unprotected_redis_is_refused_without_showing_its_url(url, sentence):
    with pytest.raises(ValueError, match=r"\.$") as caught:
        check_redis_url(url)
    assert str(caught.value).startswith(sentence)
    assert "hidden" not in str(caught.value)


def test_celery_gets_its_own_form_of_a_socket():
    assert celery_broker(socket_url(Path("/a b/v.sock"))) == {
        "broker_url": "redis+socket:///a%20b/v.sock?virtual_host=0"
    }
    assert celery_broker("unix:///v.sock?db=3")["broker_url"] == "redis+socket:///v.sock?virtual_host=3"
    assert celery_broker("redis://localhost/1") == {"broker_url": "redis://localhost/1"}
    assert "broker_use_ssl" in celery_broker("rediss://:p@r.example.org/0")
