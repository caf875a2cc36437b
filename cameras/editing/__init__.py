"""Adds, changes, moves and removes cameras."""
