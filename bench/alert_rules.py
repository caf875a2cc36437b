"""Alert rules: 1,000 of them over 1,000 signals, as each host evaluates them twice a second."""

from __future__ import annotations

import itertools
import tracemalloc

from bench.figures import Table, Times, timed
from bench.runs import Runs
from monitoring.alert_rules.engine import RuleEngine
from monitoring.alert_rules.rule import Rule, Signal

NUMBER = 1000
LIMIT_MS = 10.0
LIMIT = f"{LIMIT_MS:g} ms"
SUBJECTS = [f"sensor-{number}:temperature" for number in range(NUMBER)]


def run(runs: Runs) -> list[Table]:
    found = Table("Alert rules: 1,000 rules over 1,000 signals, a rule for each, evaluated twice a second")
    times = runs.times(500)
    for name, values, limit in (
        ("No alert is open, the values change", (20.0, 21.0), LIMIT),
        ("All alerts are open, the values change", (40.0, 41.0), LIMIT),
        ("All 1,000 alerts open or close at each evaluation", (20.0, 40.0), ""),
    ):
        took = evaluated(values, times)
        found.add(name, str(took), limit, f"{took.median / LIMIT_MS:.0%} of the limit" if limit else "")
    found.add("Memory of rules, look-ups and states, all alerts open", f"{memory_mb():.1f} MB")
    return [found]


def evaluated(values: tuple[float, float], times: int) -> Times:
    engine, ticks = new_engine(), itertools.count()
    return timed(lambda: evaluate(engine, values, next(ticks)), times)


def new_engine() -> RuleEngine:
    engine = RuleEngine()
    engine.set_rules(Rule(f"rule-{number}", "reading_above", subject, 30.0) for number, subject in enumerate(SUBJECTS))
    return engine


def evaluate(engine: RuleEngine, values: tuple[float, float], tick: int) -> None:
    value = values[tick % 2]
    signals = [Signal("reading", subject, value, "°C") for subject in SUBJECTS]
    engine.evaluate(signals, tick / 2)
    engine.forget("reading", {signal.subject for signal in signals})


def memory_mb() -> float:
    tracemalloc.start()
    engine = new_engine()
    evaluate(engine, (40.0, 40.0), 0)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return used / 1e6
