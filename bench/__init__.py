"""Benchmarks, printed as tables: `python -m bench`. They are not tests: the results depend on the machine."""
