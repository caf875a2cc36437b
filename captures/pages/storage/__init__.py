"""The pages of the storage: usage, plans of cleanups, off-site copies, the trash, checks."""
