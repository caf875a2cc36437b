"""The durable files of a camera: what a capture, a session and an agenda need to survive a kill at any time.
Django-free."""
