"""Where a telescope points and what is in its beam, for the header words of its camera. Django-free."""
