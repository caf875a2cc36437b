"""Recordings that no person begins, and the alerts about those that do not begin."""
