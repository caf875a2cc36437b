"""Where the Sun, the Moon and the stars stand over a site, and in which times. Django-free."""
