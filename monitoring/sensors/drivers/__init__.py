"""The kinds of sensors, one module or package each; `monitoring/sensors/driver.py` lists them. Django-free."""
