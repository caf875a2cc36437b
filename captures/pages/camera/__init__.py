"""Pages of one camera: its captures, its exposures, and the start of a session."""
