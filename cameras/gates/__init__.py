"""The rules of gates, which hold sessions back, and the sources of their readings. Django-free."""
