"""Work that takes longer than a request, done by child processes of a host."""
