"""A simulator of the telescope's camera controller, with which observers and programs rehearse. Django-free."""
