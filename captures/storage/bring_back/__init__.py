"""Files that only a destination has come back to their host."""
