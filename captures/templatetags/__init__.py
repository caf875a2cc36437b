"""Template tags that pages of several subjects use."""
