"""The kinds of off-site destinations: a folder, a server with SFTP, a bucket of S3."""
