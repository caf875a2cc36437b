"""Pages about captures, sessions, experiments, archives and storage."""
