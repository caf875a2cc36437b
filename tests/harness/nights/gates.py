"""The camera host's end of a gate, on the clock of a simulated night."""

from __future__ import annotations

from cameras.gates.gate import LIFE_S, Gate, GateState, Reading, evaluate
from cameras.runtime.messages import GatesCommand
from tests.harness.nights.clock import NightClock

RAIN = Gate("rain", unsafe_above=0.2, safe_for_s=60.0)
SEND_S = 10.0


class RainGate:
    def __init__(self, clock: NightClock) -> None:
        self._clock, self._reading = clock, Reading(0.0)
        self.is_silent = False
        """The host sends nothing."""
        self._state = evaluate(RAIN, GateState.initial(RAIN, -60.0), self._reading, -60.0)

    def rain(self, millimetres: float) -> None:
        self._reading = Reading(millimetres)

    def command(self) -> GatesCommand | None:
        """What the host sends now."""
        self._state = evaluate(RAIN, self._state, self._reading, self._clock.elapsed_s)
        if self.is_silent:
            return None
        return GatesCommand(type="gates", gates=[self._state.status(RAIN, self._clock.moment().iso())], life_s=LIFE_S)
