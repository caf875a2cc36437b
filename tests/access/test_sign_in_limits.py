"""How often a password may be tried, by address and by account. Other people can lock no user out."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core.addresses import client_network
from core.events.models import Event
from skycam_project.access import sign_in_limits
from skycam_project.access.models import DeniedHour, SignIn, User

URL = "/api/v1/auth/token/"
PAGE = "/accounts/login/"
PASSWORD = "analytical engine"
HOME, ELSEWHERE = "192.0.2.7", "198.51.100.9"


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user(username="ada", password=PASSWORD, role="manager")


@pytest.fixture(autouse=True)
def _in_one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep each test within one window."""
    monkeypatch.setattr(sign_in_limits.time, "time", lambda: 30.0)


def try_often(times: int, *, username: str = "ada", address: str = ELSEWHERE) -> list[int]:
    body = {"username": username, "password": "guess"}
    client = Client(REMOTE_ADDR=address)
    return [client.post(URL, body, content_type="application/json").status_code for _ in range(times)]


def sign_in(client: Client, password: str = PASSWORD) -> int:
    return int(client.post(PAGE, {"username": "ada", "password": password}).status_code)


def test_one_address_tries_one_account_ten_times_a_minute(ada: User) -> None:
    assert try_often(11) == [401] * 10 + [429]


def test_one_address_tries_thirty_times_a_minute_in_all(ada: User) -> None:
    answers = [try_often(1, username=f"name-{number}")[0] for number in range(31)]
    assert answers == [401] * 30 + [429]


def test_one_ipv6_network_is_one_address(ada: User) -> None:
    answers = [try_often(1, address=f"2001:db8:1:2::{number:x}")[0] for number in range(1, 12)]
    assert answers == [401] * 10 + [429]


def test_many_addresses_try_one_account_thirty_times_a_minute(ada: User) -> None:
    answers = [try_often(1, address=f"203.0.113.{number}")[0] for number in range(1, 32)]
    assert answers == [401] * 30 + [429]


def test_variants_of_a_name_count_as_the_same_account(ada: User) -> None:
    assert try_often(10) == [401] * 10
    assert try_often(1, username=" \uff41da ") == [429]


def test_other_accounts_are_not_limited(ada: User) -> None:
    try_often(11)
    assert try_often(1, username="bob") == [401]


def test_a_refusal_says_how_long_to_wait(ada: User) -> None:
    try_often(10)
    answer = Client(REMOTE_ADDR=ELSEWHERE).post(URL, {"username": "ada", "password": "x"}, "application/json")
    assert answer.status_code == 429
    assert answer["Retry-After"] == "30"
    assert answer.json()["type"] == "/problems/rate-limited"


def test_attempts_are_allowed_again_in_the_next_minute(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    try_often(11)
    monkeypatch.setattr(sign_in_limits.time, "time", lambda: 60.0)
    assert try_often(1) == [401]


def test_no_one_can_lock_out_a_user_at_an_address_with_an_earlier_sign_in(ada: User) -> None:
    SignIn.objects.create(user=ada, address=HOME)
    [try_often(31, address=f"203.0.113.{number}") for number in range(1, 5)]
    assert sign_in(Client(REMOTE_ADDR=HOME)) == 302


def test_no_one_can_lock_out_a_program_with_a_token_from_that_address(ada: User) -> None:
    body = {"username": "ada", "password": PASSWORD}
    assert Client(REMOTE_ADDR=HOME).post(URL, body, "application/json").status_code == 200
    [try_often(31, address=f"203.0.113.{number}") for number in range(1, 5)]
    assert Client(REMOTE_ADDR=HOME).post(URL, body, "application/json").status_code == 200


def test_no_one_can_lock_out_a_known_browser_even_from_its_own_address(ada: User) -> None:
    browser = Client(REMOTE_ADDR=HOME)
    sign_in(browser)
    browser.post("/accounts/logout/")
    try_often(31, address=HOME)
    assert sign_in(browser) == 302


def test_attempts_of_a_known_browser_are_limited_too(ada: User) -> None:
    browser = Client(REMOTE_ADDR=HOME)
    sign_in(browser)
    browser.post("/accounts/logout/")
    assert [sign_in(browser, "guess") for _ in range(31)][-2:] == [200, 429]


@pytest.mark.parametrize("kept", ["", "made up"])
def test_a_forged_mark_of_a_known_browser_is_refused(kept: str, ada: User) -> None:
    assert not sign_in_limits.is_known_browser(kept, "ada")


def test_the_mark_of_a_known_browser_is_valid_for_one_user_only(ada: User) -> None:
    assert not sign_in_limits.is_known_browser(sign_in_limits.browser_mark("bob"), "ada")


def test_the_browser_mark_is_sent_only_to_the_sign_in_and_hidden_from_scripts(ada: User, settings: Any) -> None:
    browser = Client(REMOTE_ADDR=HOME)
    sign_in(browser)
    cookie = browser.cookies[settings.KNOWN_BROWSER_COOKIE]
    assert cookie["path"] == PAGE
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Strict"


def test_attempts_are_counted_in_the_broker_while_it_answers(ada: User, valkey: Any) -> None:
    assert try_often(11) == [401] * 10 + [429]
    assert len([key for key in valkey.scan_iter("*") if "sign-in:" in key]) == 3


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        ("", ""),
    ],
)
def test_what_counts_as_one_address(address: str, block: str) -> None:
    assert client_network(address) == block


# Refused sign-ins as events


@pytest.fixture
def in_one_hour(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep each test within one hour."""
    half_past = timezone.now().replace(minute=30)
    monkeypatch.setattr(sign_in_limits, "timezone", SimpleNamespace(now=lambda: half_past))


def refuse_sign_ins(times: int) -> None:
    [sign_in_limits.record_denied(f"name-{number % 3}", f"203.0.113.{number % 100}") for number in range(times)]


def an_hour_later() -> None:
    DeniedHour.objects.update(began_at=timezone.now() - timedelta(hours=2))


def test_many_refused_sign_ins_cause_a_bounded_number_of_events(in_one_hour: None) -> None:
    refuse_sign_ins(500)
    assert Event.objects.filter(kind="user.denied").count() == sign_in_limits.MAX_SINGLE_EVENTS


def test_the_other_refused_sign_ins_of_an_hour_share_one_event_with_their_count(in_one_hour: None) -> None:
    refuse_sign_ins(500)
    an_hour_later()
    sign_in_limits.record_denied("late", "203.0.113.1")
    summary = Event.objects.filter(kind="user.denied", data__has_key="count").get()
    assert summary.data["count"] == 500 - sign_in_limits.MAX_SINGLE_EVENTS
    assert sum(summary.data["names"].values()) == 500 - sign_in_limits.MAX_SINGLE_EVENTS
    assert len(summary.data["addresses"]) <= sign_in_limits.MAX_NAMES_KEPT + 1
    assert summary.message.startswith("470 more sign-ins were refused from ")


def test_an_hour_is_summarised_once(in_one_hour: None) -> None:
    refuse_sign_ins(40)
    an_hour_later()
    sign_in_limits.summarise_past_hours()
    sign_in_limits.summarise_past_hours()
    assert Event.objects.filter(kind="user.denied", data__has_key="count").count() == 1
    assert not DeniedHour.objects.exists()


def test_a_quiet_hour_gets_no_summary(in_one_hour: None) -> None:
    refuse_sign_ins(3)
    an_hour_later()
    sign_in_limits.summarise_past_hours()
    assert Event.objects.filter(kind="user.denied").count() == 3


def test_a_tried_name_cannot_control_a_terminal(db: None) -> None:
    sign_in_limits.record_denied("a\x1b[2J\u202eb", "203.0.113.1")
    assert "\x1b" not in Event.objects.get().message
    assert Event.objects.get().data["username"] == "a\ufffd[2J\ufffdb"
