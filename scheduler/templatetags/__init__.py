"""Template tags of pages of nights and of the telescope."""
