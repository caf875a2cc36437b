"""Automatic exposure: statistics of frames, and the next settings from them. Pure, without Django."""
