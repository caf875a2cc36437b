"""The levels of aggregates: each is computed from the one below, minutes from the readings themselves."""

from __future__ import annotations

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
BELOW = {MINUTE_S: 0, HOUR_S: MINUTE_S, DAY_S: HOUR_S}
"""Seconds of a level -> those of the level that it is computed from; 0 stands for the readings. In the order of
computation."""
ABOVE = {MINUTE_S: HOUR_S, HOUR_S: DAY_S}
SOURCES = {0: "raw", MINUTE_S: "minute", HOUR_S: "hour", DAY_S: "day"}
"""Seconds of a level -> its name in the API."""
