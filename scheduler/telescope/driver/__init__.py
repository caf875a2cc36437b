"""The camera of a robotic telescope: a client of its controller's socket protocol. Django-free."""
