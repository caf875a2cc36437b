"""Moves the station's SQLite database to PostgreSQL."""
