"""The levels of aggregates: each is computed from the one below, minutes from the readings themselves."""

from __future__ import annotations

from itertools import pairwise

MINUTE_S, TEN_MINUTES_S, HOUR_S, DAY_S = 60, 600, 3600, 86_400
LEVELS = (MINUTE_S, TEN_MINUTES_S, HOUR_S, DAY_S)
"""In the order of computation. Ten minutes are there for the chart of a week: its minutes are too many rows."""
BELOW = dict(zip(LEVELS, (0, *LEVELS), strict=False))
"""Seconds of a level -> those of the level that it is computed from; 0 stands for the readings."""
ABOVE = dict(pairwise(LEVELS))
SOURCES = {0: "raw", MINUTE_S: "minute", TEN_MINUTES_S: "ten_minutes", HOUR_S: "hour", DAY_S: "day"}
"""Seconds of a level -> its name in the API."""
