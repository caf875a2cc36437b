"""The check of rows against files; untracked files are adopted or set aside."""
