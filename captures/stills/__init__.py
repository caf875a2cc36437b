"""Pictures of captures are encoded and written. Django-free."""
