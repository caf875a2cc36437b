"""Devices attached to the camera hosts."""
