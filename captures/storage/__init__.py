"""Where files are kept after they were written: retention, trash, copies elsewhere, archives, integrity and usage."""
