"""The faults of a simulated camera: set by the API, by a page and by the command line."""
