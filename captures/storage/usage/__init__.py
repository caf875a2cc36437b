"""How much is stored, as a history, and how long the space lasts."""
