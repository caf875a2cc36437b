"""Passwords of test users: hashed as by a station, in a thousandth of the time."""

from __future__ import annotations

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickPasswordHasher(PBKDF2PasswordHasher):
    """Its hashes are valid in the stations' processes too: each names its number of iterations."""

    iterations = 1000
