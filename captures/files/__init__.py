"""Serving of files, thumbnails and posters."""
