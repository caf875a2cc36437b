"""Files between hosts: each host serves its own files to the others."""
