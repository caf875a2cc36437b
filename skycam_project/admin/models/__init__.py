"""The admin of each model: its lists and details."""
