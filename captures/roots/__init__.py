"""Storage roots and their classes."""
