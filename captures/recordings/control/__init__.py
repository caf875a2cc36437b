"""The desired recording of a camera."""
