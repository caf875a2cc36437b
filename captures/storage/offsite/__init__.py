"""Copies of files at other places: what waits, is sent, is verified, and comes back."""
