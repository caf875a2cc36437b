"""Which files are kept: plans of cleanups and their execution."""
