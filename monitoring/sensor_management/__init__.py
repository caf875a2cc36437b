"""Sensors as rows that managers add, change, test and remove, on pages and in the API."""
