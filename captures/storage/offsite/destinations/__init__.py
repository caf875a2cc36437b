"""Destinations of off-site copies: a folder, S3 and SFTP, and what each needs to be told."""
