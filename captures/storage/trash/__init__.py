"""Captures in the trash: pinned, trashed, restored, purged."""
