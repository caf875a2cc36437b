"""Machines of one network on this one: each has namespaces of its own."""
