"""The alerts of a host after its writes were dropped, its rules were removed, or it is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from core.broker.broker import BrokerDown
from core.events.models import Alert, Event
from monitoring.alert_rules import watch as watch_module
from monitoring.alert_rules.rows import Ownership, RuleFile, alert_key, open_places, rule_of
from monitoring.alert_rules.rule import Signal
from monitoring.alert_rules.signals import SignalSource
from monitoring.alert_rules.watch import SILENT, RuleWatch, close_orphaned_alerts
from monitoring.models import AlertRule

pytestmark = pytest.mark.django_db
SUBJECT = "main:/data"


class Host:
    """A host with one disk, and the writes of its alerts that wait."""

    def __init__(self, data: Path, signal: str = "disk_free") -> None:
        self.free = 2.0
        self.writes: list[Callable[[], object]] = []
        self.owns_station, self._signal = True, signal
        source = SignalSource(signal, self._disks, "main", 1000.0)
        source.read()
        self.source = source
        self.watch = RuleWatch("main", data, lambda: None, [source], self.writes.append, lambda: self.owns_station)

    def _disks(self, _host: str) -> Iterator[Signal]:
        yield Signal(self._signal, SUBJECT, self.free, "%")

    def evaluate(self) -> None:
        self.watch.read_rules()
        self.source.read()
        self.watch.evaluate()

    def write(self) -> None:
        with transaction.atomic():
            for write in self.writes:
                write()
        self.writes.clear()


@pytest.fixture
def rule() -> AlertRule:
    AlertRule.objects.all().delete()
    return AlertRule.objects.create(name="full", kind="disk_below", threshold=5)


@pytest.fixture
def host(tmp_path: Path, rule: AlertRule) -> Host:
    return Host(tmp_path)


@pytest.fixture
def always_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "RECONCILE_S", 0.0)


@pytest.fixture
def dropped_at_once(always_due: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison that has not run is taken as dropped."""
    monkeypatch.setattr(watch_module, "RECONCILE_LOST_S", 0.0)


@pytest.fixture
def silent(tmp_path: Path) -> Host:
    """The machine that evaluates the signals of the whole station; a host has been silent for 60 s."""
    AlertRule.objects.all().delete()
    AlertRule.objects.create(name="silent", kind="host_silent", threshold=10)
    host = Host(tmp_path, "host_silent")
    host.free = 60.0
    return host


def open_keys() -> list[str]:
    return list(Alert.objects.exclude(state="resolved").values_list("key", flat=True))


def test_a_value_beyond_the_threshold_opens_an_alert_and_a_clear_one_closes_it(host: Host) -> None:
    host.evaluate()
    host.write()
    assert open_keys() == ["rule:full:main:/data"]
    host.free = 50.0
    host.evaluate()
    host.write()
    assert open_keys() == []


def test_an_alert_whose_write_was_dropped_opens_within_a_minute(host: Host, dropped_at_once: None) -> None:
    host.evaluate()
    host.writes.clear()
    host.evaluate()
    host.write()
    assert open_keys() == ["rule:full:main:/data"]


def test_an_alert_whose_end_was_dropped_closes_within_a_minute(host: Host, dropped_at_once: None) -> None:
    host.evaluate()
    host.write()
    host.free = 50.0
    host.evaluate()
    host.writes.clear()
    host.evaluate()
    host.write()
    assert open_keys() == []


def test_only_one_comparison_waits_while_the_database_is_away(host: Host, always_due: None) -> None:
    host.evaluate()
    waiting = len(host.writes)
    host.evaluate()
    assert len(host.writes) == waiting


def test_an_open_alert_has_the_time_at_which_it_was_last_seen(host: Host, always_due: None) -> None:
    host.evaluate()
    host.write()
    Alert.objects.update(last_seen_at=timezone.now() - timedelta(hours=1))
    host.evaluate()
    host.write()
    assert Alert.objects.get().last_seen_at > timezone.now() - timedelta(minutes=30)


def test_the_alert_of_a_rule_that_was_removed_while_the_host_was_away_closes(host: Host, rule: AlertRule) -> None:
    host.evaluate()
    host.write()
    rule.delete()
    close_orphaned_alerts()
    assert open_keys() == []
    assert Event.objects.get(kind="alert.resolved").message.endswith("Its rule was changed or removed.")


def test_the_alert_of_a_host_that_is_gone_closes_after_a_week(host: Host) -> None:
    host.evaluate()
    host.write()
    close_orphaned_alerts()
    assert open_keys() == ["rule:full:main:/data"]
    Alert.objects.update(last_seen_at=timezone.now() - SILENT)
    close_orphaned_alerts()
    assert open_keys() == []


def test_an_alert_of_the_station_is_adopted_by_the_machine_that_watches_the_station_now() -> None:
    rule = AlertRule.objects.create(name="silent", kind="host_silent", threshold=15)
    Alert.objects.create(key="rule:silent:dome", data={"rule": "silent", "subject": "dome", "host": "old"})
    rules = [rule_of(rule)]
    assert open_places(Ownership("new", frozenset(), frozenset({"host_silent"})), rules) == [("silent", "dome")]
    assert open_places(Ownership("other", frozenset({"disk_free"}), frozenset()), rules) == []


def test_two_long_subjects_have_alerts_of_their_own() -> None:
    keys: Sequence[str] = [alert_key("full", f"main:/{'a' * 200}{end}") for end in "12"]
    assert [len(key) for key in keys] == [120, 120]
    assert keys[0] != keys[1]


def test_a_stored_rule_of_a_kind_that_is_not_known_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "alert-rules.json"
    path.write_text('{"rules": [{"name": "a", "kind": "moon", "subject": "*", "threshold": 1}], "windows": []}')
    assert RuleFile(path).read().rules == ()


def test_the_rules_of_the_last_start_are_used_while_the_database_is_away(host: Host, tmp_path: Path) -> None:
    host.evaluate()
    assert [rule.name for rule in RuleFile(tmp_path / "alert-rules.json").read().rules] == ["full"]


def test_signals_without_a_broker_are_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    def read(_host: str) -> list[Signal]:
        raise BrokerDown

    source = SignalSource("host_silent", read, "main", 1000.0)
    [source.read() for _ in range(3)]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert source.signals() is None


def test_signals_of_the_station_are_evaluated_by_their_owner_alone(silent: Host) -> None:
    silent.owns_station = False
    silent.evaluate()
    silent.write()
    assert open_keys() == []
    silent.owns_station = True
    silent.evaluate()
    silent.write()
    assert open_keys() == [f"rule:silent:{SUBJECT}"]


@pytest.mark.usefixtures("always_due")
def test_a_machine_that_does_not_own_them_any_more_leaves_the_stations_alerts_open(silent: Host) -> None:
    silent.evaluate()
    silent.write()
    silent.owns_station, silent.free = False, 0.0
    silent.evaluate()
    silent.write()
    assert open_keys() == [f"rule:silent:{SUBJECT}"]


@pytest.mark.usefixtures("always_due")
def test_the_next_owner_closes_what_the_one_before_has_opened(silent: Host, tmp_path: Path) -> None:
    silent.evaluate()
    silent.write()
    standby = Host(tmp_path, "host_silent")
    standby.owns_station = False
    standby.evaluate()
    standby.owns_station, standby.free = True, 0.0
    standby.evaluate()
    standby.write()
    assert open_keys() == []
