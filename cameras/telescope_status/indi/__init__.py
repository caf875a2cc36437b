"""A small client of INDI, and the source that uses it. Django-free."""
