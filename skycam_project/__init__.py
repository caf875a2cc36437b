"""Connects the apps: configuration, settings, ASGI, API, Celery, launcher, command line, users and the archive
admin."""
