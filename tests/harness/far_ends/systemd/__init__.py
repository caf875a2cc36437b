"""A machine that systemd runs, in namespaces."""
