"""Template tags and filters that pages of all apps use."""
