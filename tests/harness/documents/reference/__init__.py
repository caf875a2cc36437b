"""The parts of documents that the code writes: `make docs`, and `make check` that they are those of the code."""
