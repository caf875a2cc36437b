"""Runs of minutes and hours: what a station uses must not grow."""
