"""Addresses of receivers: which are allowed, and that none shows its secrets."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.webhooks.receiver_url import InvalidUrl, ReceiverUrl, redact_url

PLAIN = st.text("abcdefghijkmnopqrstuvwxyz0123456789-_.~", min_size=1, max_size=12)
SECRET = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ", min_size=16, max_size=40)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://lab:9000/hooks/skycam", "http://lab:9000/hooks/skycam"),
        ("https://u:p@lab/", "https://***@lab/"),
        ("https://lab/?a=1&b=&c", "https://lab/?a=***&b=&***"),
        ("https://lab/services/T01/B02/abcdefghijklmnop", "https://lab/services/T01/B02/***"),
        ("https://[2001:db8::1]:8/x", "https://[2001:db8::1]:8/x"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert ReceiverUrl.parse(url).shown == shown


@given(SECRET, SECRET, SECRET, SECRET, PLAIN)
def test_no_secret_of_an_address_is_shown(user: str, password: str, token: str, value: str, plain: str) -> None:
    shown = ReceiverUrl.parse(f"https://{user}:{password}@lab/{plain}/{token}?{plain}={value}").shown
    assert [secret for secret in (user, password, token, value) if secret in shown] == []


@given(SECRET, SECRET, PLAIN)
def test_an_answer_that_repeats_the_address_is_shown_without_its_secrets(token: str, value: str, plain: str) -> None:
    url = ReceiverUrl.parse(f"https://lab/{token}?{plain}={value}")
    assert [secret for secret in (token, value) if secret in url.without_secrets(f"No {url.text}.")] == []


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    redact_url(text)
    with contextlib.suppress(InvalidUrl):
        assert ReceiverUrl.parse(text).port > 0


@pytest.mark.parametrize(
    "text",
    ["", "lab", "//lab/", "ftp://lab/", "http://", "http://:80/", "http://lab:99999/", "http://[::1/", "http://a\tb/"],
)
def test_what_is_no_web_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidUrl):
        ReceiverUrl.parse(text)
