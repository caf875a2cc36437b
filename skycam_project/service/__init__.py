"""The second Django application: the PixeLink service, on its own port."""
