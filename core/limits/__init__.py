"""Limits of what repeats or waits: back-off between restarts, repeated errors in the log, requests that wait.
Django-free."""
