"""Pictures of a folder become captures."""
