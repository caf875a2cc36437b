"""A PostgreSQL without TLS: only on this machine, or with a setting that says so."""

from __future__ import annotations

import pytest

from skycam_project.config import ConfigError
from tests.harness.configurations import Configure

PLAIN = "postgresql://me:hidden@db.example.org/sky"
"""A PostgreSQL of another machine, without TLS."""


@pytest.mark.parametrize("options", ["", "?sslmode=prefer", "?sslmode=disable", "?sslmode=allow"])
def test_a_postgresql_of_another_machine_without_tls_is_refused(configure: Configure, options: str) -> None:
    with pytest.raises(ConfigError, match=r"database\.allow_plain: true") as caught:
        configure(DATABASE_URL=f"{PLAIN}{options}")
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"{PLAIN}?sslmode=require",
        f"{PLAIN}?sslmode=verify-full",
        "postgresql://me@127.0.0.1/sky",
        "postgresql://me@[::1]/sky",
        "postgresql://me@localhost/sky",
        "postgresql:///sky?host=/run/postgresql",
        "postgresql:///sky",
    ],
)
def test_with_tls_or_on_this_machine_it_is_accepted(configure: Configure, url: str) -> None:
    assert configure(DATABASE_URL=url).config.database_url == url


def test_one_of_several_servers_without_tls_is_refused(configure: Configure) -> None:
    with pytest.raises(ConfigError, match=r"database\.allow_plain"):
        configure(DATABASE_URL="postgresql:///sky?host=127.0.0.1,10.0.0.2")


def test_a_setting_allows_it(configure: Configure) -> None:
    assert configure(DATABASE_URL=PLAIN, SKYCAM_DATABASE__ALLOW_PLAIN="true").config.database_url == PLAIN
