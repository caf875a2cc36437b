"""Django's backend for PostgreSQL, with at most a few connections for all threads of a process."""
