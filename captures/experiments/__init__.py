"""Experiments: state, cameras, notes, and the account of what they have."""
