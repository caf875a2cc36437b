"""Requests, commands, rows and outcomes of captures: `CaptureService`."""
