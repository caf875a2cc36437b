"""Stored readings of sensors: aggregates of minutes to days, ranges for charts, exports, and the removal of old
ones."""
