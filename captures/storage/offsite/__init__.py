"""Copies of files at destinations: a folder, SFTP, S3."""
