"""Schedules as rows and as a resource, and as sentences."""
