"""The port on which a camera host serves its metrics for Prometheus."""
