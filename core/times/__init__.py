"""Times, durations and zones as people and programs write them, and the clocks of the kernel. Django-free."""
