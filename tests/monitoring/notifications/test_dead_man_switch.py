"""The dead-man's switch pings while the station is well, and stops when it is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from core.findings import Finding
from core.outgoing import OutgoingGuard
from monitoring.notifications import dead_man_switch
from monitoring.notifications.dead_man_switch import DeadManSwitch
from monitoring.webhooks.client import WebhookClient
from skycam_project.config.redaction import redacted, secrets_of
from tests.harness.far_ends.webhook_receiver import WebhookReceiver, receiving, status

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with receiving(status(200)) as found:
        yield found


@pytest.fixture
def ill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_man_switch, "findings", lambda: {"disk": ["The disk of /home/anna is full."]})


@pytest.fixture
def well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_man_switch, "findings", lambda: {"disk": []})


def switch(monkeypatch: pytest.MonkeyPatch, receiver: WebhookReceiver, **values: Any) -> DeadManSwitch:
    configure(monkeypatch, url=receiver.url, **values)
    return DeadManSwitch("main", WebhookClient(OutgoingGuard()))


def configure(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    monitoring = settings.STATION.monitoring
    changed = monitoring.dead_man_switch.model_copy(update=values)
    update = {"monitoring": monitoring.model_copy(update={"dead_man_switch": changed})}
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update=update))


def paths(receiver: WebhookReceiver) -> list[str]:
    return [got.path for got in receiver.received]


def test_a_station_that_is_well_pings(well: None, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    switch(monkeypatch, receiver).check_and_ping()
    assert paths(receiver) == ["/hook"]


def test_a_station_that_is_ill_does_not(ill: None, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    switch(monkeypatch, receiver).check_and_ping()
    assert paths(receiver) == []


def test_it_may_report_the_failure_by_the_names_of_the_checks(
    ill: None, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch(monkeypatch, receiver, report_failure=True).check_and_ping()
    assert [(got.path, got.body) for got in receiver.received] == [("/hook/fail", b"main: disk")]


def test_a_check_that_fails_is_a_missing_ping(receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> dict[str, list[Finding]]:
        raise OSError("no database")

    monkeypatch.setattr(dead_man_switch, "findings", fail)
    with pytest.raises(OSError, match="no database"):
        switch(monkeypatch, receiver).check_and_ping()
    assert paths(receiver) == []


def test_without_an_address_nothing_is_pinged(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, url="")
    idle = DeadManSwitch("main")
    idle.start()
    idle.stop()


def test_its_address_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://hc-ping.com/short"
    configure(monkeypatch, url=url)
    assert redacted(("monitoring", "dead_man_switch", "url"), url) == "********"
    assert url in secrets_of(settings.STATION)
