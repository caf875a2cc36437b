"""Thumbnails are rendered and stored. Django-free."""
