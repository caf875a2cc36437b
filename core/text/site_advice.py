"""What to do where the station does not know its place. Django-free."""

SET_THE_SITE = "Set the site on the page Settings, or with `skycam settings site`"
"""The beginning of a sentence."""
