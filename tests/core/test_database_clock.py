"""Leases, orders and expiries go by the clock of the database, whatever the clocks of the machines say."""

from __future__ import annotations
