"""Which tables of a shared database have changed: who reads them again and again asks only then.

Each transaction names the tables that it has written in a notice on Redis. A notice may be lost, so all is read again
at least each FALLBACK_S, whenever the broker was away, and at the usual interval while it is. A database in a file has
no notices: a question to it costs less.
"""
