"""Backups of a station: made, verified, encrypted, copied off-site, and restored into an empty station."""
