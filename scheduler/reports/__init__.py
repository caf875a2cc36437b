"""The report of a night: what was planned, what became of it, and what was lost, as a page, an answer and a file."""
