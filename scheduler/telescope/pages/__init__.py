"""The pages of a telescope's field lists."""
