"""What web-hooks, notifications, off-site copies and jobs share: rows that are attempted until they succeed."""
