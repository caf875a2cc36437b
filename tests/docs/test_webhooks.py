"""docs/clients/webhooks.md: its receiver verifies what the station sends, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from core.deliveries.rows import A_DAY
from monitoring.webhooks.client import new_secret, sign_body
from monitoring.webhooks.deliveries import MAX_ATTEMPTS
from monitoring.webhooks.kinds import EXCLUDED
from monitoring.webhooks.receiver_url import LONG_PART
from monitoring.webhooks.thread import FAILING, MAX_ENDED, MAX_PENDING, POOL
from tests.harness.documents.pages import blocks, page

PAGE = "docs/clients/webhooks.md"
BODY = b'{"kind":"storage.full"}'


@pytest.fixture
def is_genuine() -> Callable[..., bool]:
    """The function of the page."""
    (code,) = blocks(PAGE, "python")
    names: dict[str, Callable[..., bool]] = {}
    exec(code, names)
    return names["is_genuine"]


def test_a_request_of_the_station_is_genuine(is_genuine: Callable[..., bool]) -> None:
    secret = new_secret()
    assert is_genuine(sign_body(BODY, [secret], int(time.time())), BODY, secret)


def test_during_a_rotation_both_secrets_are_genuine(is_genuine: Callable[..., bool]) -> None:
    header = sign_body(BODY, ["new", "old"], int(time.time()))
    assert is_genuine(header, BODY, "new")
    assert is_genuine(header, BODY, "old")
    assert not is_genuine(header, BODY, "other")


def test_a_changed_or_repeated_request_is_not_genuine(is_genuine: Callable[..., bool]) -> None:
    now = int(time.time())
    assert not is_genuine(sign_body(BODY, ["key"], now), BODY + b" ", "key")
    assert not is_genuine(sign_body(BODY, ["key"], now - 3600), BODY, "key")
    assert not is_genuine(sign_body(BODY, ["key"], now).replace(f"t={now}", f"t={now + 1}"), BODY, "key")


@pytest.mark.parametrize("header", ["", "t=", "t=1,t=2", "v1=00", "t=soon,v1=00"])
def test_a_broken_header_is_not_genuine(is_genuine: Callable[..., bool], header: str) -> None:
    assert not is_genuine(header, BODY, "key")


def test_the_page_has_the_limits_of_the_code() -> None:
    text = page(PAGE)
    assert f"{A_DAY.max_tries} attempts in about a day" in text
    assert f"more than {MAX_PENDING:,} deliveries wait" in text
    assert f"{MAX_ENDED:,} deliveries of a web-hook, with the last {MAX_ATTEMPTS} attempts" in text
    assert f"with {LONG_PART} characters or more" in text
    assert (POOL, FAILING) == (8, 4)
    assert [kind for kind in EXCLUDED if f"`{kind}`" not in text] == []
