"""Recording in a camera process: frames and packets become clips. Django-free."""
