"""Speed, as tables: `python -m bench`. Not a test: what is measured here depends on the machine."""
