"""The kinds of programmes of a session: which exposures a cycle has, and when each one starts. Django-free."""
