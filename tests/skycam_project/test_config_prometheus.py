"""Where the metrics of a host are served."""

from __future__ import annotations

import pytest

from tests.harness.configurations import Configure

TOKEN = "a-token-of-metrics-16"


@pytest.mark.parametrize(
    ("host", "token", "served_on", "codes"),
    [
        ("127.0.0.1", "", "127.0.0.1", []),
        ("::1", "", "::1", []),
        ("0.0.0.0", "", "127.0.0.1", ["W007"]),
        ("0.0.0.0", TOKEN, "0.0.0.0", []),
    ],
)
def test_another_address_than_loopback_needs_the_token(
    host: str, token: str, served_on: str, codes: list[str], configure: Configure
) -> None:
    config = configure(None, None, PROMETHEUS_HOST=host, PROMETHEUS_TOKEN=token).config
    assert config.monitoring.prometheus.listens_on == served_on
    assert [notice.code for notice in config.notices] == codes
