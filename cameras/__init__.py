"""Cameras: their rows and rights, their drivers and processes, and their part of the API, the pages and the sockets."""
