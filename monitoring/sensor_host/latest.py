"""The newest readings in the broker: `<station>:sensors:<host>` is a list of `SensorState` as JSON, rewritten each
second and kept for 5 s. A host that has ended has none: its sensors are missing. `<station>:sensor-hosts` is the set of
the hosts."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import cast

from core.broker import broker
from core.outages import describe_failure
from core.periodic.thread import PeriodicThread
from monitoring.sensors.reading import SensorState

log = logging.getLogger(__name__)
LIFE_S = 5
HOSTS = "sensor-hosts"


class LatestPublisher:
    """Publishes on a thread of its own: a broker that hangs delays nothing else."""

    def __init__(self, host: str, states: Callable[[], list[SensorState]]) -> None:
        self._host, self._states = host, states
        self._is_away = False
        self._thread = PeriodicThread("latest-readings", self.publish)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._thread.wake()

    def stop(self) -> None:
        self._thread.stop(2.0)

    def publish(self) -> None:
        try:
            with broker.connection().pipeline(transaction=False) as commands:
                commands.set(broker.key("sensors", self._host), json.dumps(self._states()), ex=LIFE_S)
                commands.sadd(broker.key(HOSTS), self._host)
                commands.execute()
            self._is_away = False
        except broker.UNREACHABLE as error:
            if not self._is_away:
                log.warning("The newest readings are not shown while the broker is away: %s.", describe_failure(error))
            self._is_away = True


def read_latest() -> dict[str, SensorState]:
    """Sensor's name -> what its host says of it. A sensor whose host says nothing is not in it. BrokerDown."""
    with broker.reachable() as connection:
        hosts = sorted(cast(set[str], connection.smembers(broker.key(HOSTS))))
        found = cast(list[str | None], connection.mget([broker.key("sensors", one) for one in hosts])) if hosts else []
    states: list[SensorState] = [state for text in found for state in json.loads(text or "[]")]
    return {state["sensor"]: state for state in states}
