from __future__ import annotations


class LaunchError(Exception):
    """A station cannot start or does not answer. The text is a sentence that says what to do."""
