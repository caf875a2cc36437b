"""The actions of the archive admin on chosen rows: what they are, their plan, and their execution."""
