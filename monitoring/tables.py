"""What monitoring needs from a higher app, plugged in by name and never imported upward."""

from __future__ import annotations

HIDDEN = {
    "cameras": "cameras.selectors.hidden_slugs",
}
"""User -> the slugs of cameras whose events and alerts this user must not see."""
