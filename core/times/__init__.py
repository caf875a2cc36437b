"""Times, durations and zones as people and programs write them, and the clock of the kernel. Django-free."""
