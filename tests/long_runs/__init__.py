"""Runs of minutes and hours: a station's use of memory, threads and files must not grow."""
