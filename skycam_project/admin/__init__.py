"""The archive admin: managers see the rows of the archive, and change them only through services."""
