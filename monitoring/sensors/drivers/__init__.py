"""The kinds of sensors, one module or package each; `monitoring/sensors/kinds.py` lists them. Django-free."""
