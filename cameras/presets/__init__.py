"""Settings saved under a name for all cameras of a kind."""
