"""Connects and disconnects cameras."""
