"""The newest readings of sensors, as hosts publish them in the broker."""
