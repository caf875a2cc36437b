"""Provisioning: brings the station to the cameras, sensors, schedules and settings of a YAML file, and writes such a
file.

The decisions: docs/decisions/configuration-apply.md.
"""
