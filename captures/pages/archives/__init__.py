"""Pages of archives and their files."""
