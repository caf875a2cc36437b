"""One sensor without the database: its driver in a process of its own, and what its values mean. Django-free."""
